// What waits on its way to the table of objects: which of it matters for a time, and how it is said.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isWaitedFor, mayWait, nothingWaits, waitingReasons, type Waiting, type WaitingObject, type WaitingScope } from '../../../../operations/coverage/waiting.ts' // prettier-ignore
import { parseObjectName } from '../../../../schemas/object-name.ts'

const base = Date.parse('2026-11-24T10:00:00Z') / 1000
const slot = (n: number): number => base + n * 300
const key =
  'AWSLogs/001234567890/vpcflowlogs/eu-central-1/2026/11/24/001234567890_vpcflowlogs_eu-central-1_fl-0a_20261124T1005Z_0a1b2c3d.log.gz'
const any: WaitingScope = { from: slot(0), to: slot(2), account: '', region: '', flowLogs: [] }
const objects = (...all: readonly [stage: WaitingObject['stage'], partition: number, n: number, flowLogId: string][]): WaitingObject[] =>
  all.map(([stage, partition, n, flowLogId]) => ({ stage, partition, accountId: '1', region: 'r', flowLogId, slotStart: slot(n) }))

describe('an object that waits', () => {
  const cases: readonly { name: string; scope: Partial<WaitingScope>; expect: boolean }[] = [
    { name: 'in the middle', scope: {}, expect: true },
    { name: 'whose slot holds the first second', scope: { from: slot(2) - 1 }, expect: true },
    { name: 'whose slot is over', scope: { from: slot(2) }, expect: false },
    { name: 'whose slot begins with the last second', scope: { to: slot(1) }, expect: true },
    { name: 'whose slot begins later', scope: { to: slot(1) - 1 }, expect: false },
    {
      name: 'of the flow log, account and region',
      scope: { flowLogs: ['fl-0a'], account: '001234567890', region: 'eu-central-1' },
      expect: true,
    },
    { name: 'of another flow log', scope: { flowLogs: ['fl-b'] }, expect: false },
    { name: 'of another account', scope: { account: '1' }, expect: false },
    { name: 'of another region', scope: { region: 'r' }, expect: false },
  ]
  for (const { name, scope, expect } of cases)
    it(`${name} ${expect ? 'matters' : 'does not matter'}`, () =>
      assert.equal(isWaitedFor(parseObjectName(key), { ...any, ...scope }), expect))

  it('without a slot in its name does not matter: it stands for no time', () => {
    assert.equal(isWaitedFor(parseObjectName('firehose/2026/11/24/10/stream-1.gz'), any), false)
  })
})

describe('what waits', () => {
  const waiting: Waiting = {
    unknown: null,
    partitions: [
      { stage: 'announced', partition: 0, records: 40, unclear: null },
      { stage: 'read', partition: 1, records: 3, unclear: null },
      { stage: 'read', partition: 2, records: 1, unclear: null },
    ],
    objects: objects(
      ['announced', 0, 1, 'fl-a'],
      ['announced', 0, 1, 'fl-a'],
      ['announced', 0, 5, 'fl-a'],
      ['read', 1, 1, 'fl-b'],
      ['read', 2, 7, 'fl-b'],
    ),
  }

  it('is said by slot, with the partition of the ledger and how far it is behind', () => {
    assert.deepEqual(waitingReasons(waiting, slot(1) + 10, slot(1) + 20), [
      '2 announcements not read yet: fl-a, slot 2026-11-24 10:05:00',
      "the ledger's partition 1 is 3 records behind in the table of objects: fl-b, slot 2026-11-24 10:05:00",
    ])
    assert.deepEqual(waitingReasons(waiting, slot(2), slot(4)), [])
  })

  it('of many slots is said shortly', () => {
    const many = { ...waiting, objects: objects(...[1, 2, 3, 4, 5].map((n): ['announced', number, number, string] => ['announced', 0, n, 'fl-a'])) } // prettier-ignore
    assert.match(waitingReasons(many, slot(0), slot(9))[0]!, /^5 announcements not read yet: fl-a, slot .*10:05:00; fl-a, .*10:10:00; fl-a, .*10:15:00 and 2 more$/) // prettier-ignore
  })

  it('of unknown slots is a reason against every slot', () => {
    const unclear: Waiting = { ...nothingWaits, partitions: [{ stage: 'announced', partition: 4, records: 9, unclear: 'a transaction stays open' }] } // prettier-ignore
    assert.deepEqual(waitingReasons(unclear, slot(1), slot(1)), [
      'partition 4 of the announcements is up to 9 records behind, of unknown slots: a transaction stays open',
    ])
    const away = { ...nothingWaits, unknown: 'no broker answers' }
    assert.match(waitingReasons(away, slot(1), slot(1))[0]!, /is not known: no broker answers$/)
    assert.deepEqual([nothingWaits, waiting, { ...waiting, objects: [] }, unclear, away].map(mayWait), [false, true, false, true, true])
  })
})
