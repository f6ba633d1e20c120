// What commands print with --json: numbers as numbers, times with Z, and each kind of answer of `lookup` as docs/json.md says.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { auditJson } from '../../../../cli/print/audit-table.ts'
import { lookUpJson } from '../../../../cli/print/holder.ts'
import { formatJson } from '../../../../cli/print/json.ts'
import { comparisonJson } from '../../../../cli/print/replay-comparison.ts'
import type { Holder } from '../../../../operations/holders.ts'
import type { LookUp } from '../../../../operations/look-up.ts'
import { nothingOnTheWay } from '../../../../operations/on-the-way.ts'
import { emptyTally } from '../../../../schemas/tally.ts'

const root = join(import.meta.dirname, '../../../..')
const holder: Holder = {
  scope: 'vpc-1',
  state: 'held',
  interface_id: 'eni-1',
  instance_id: 'i-1',
  interface_type: '',
  subnet_id: '',
  vpc_id: 'vpc-1',
  account_id: '001234567890',
  region: 'eu-central-1',
  az_id: '',
  service: '',
  owner: 'eni-1 i-1',
  valid_from: '2026-11-20 00:00:10',
  valid_to: null,
  end_known: false,
  first_seen: '2026-11-20 00:00:10',
  last_seen: '2026-11-20 10:00:00',
  conflict_s: '0',
  held_since: '2026-11-18 07:00:00',
  gaps: 2,
  next_seen: null,
  next_owner: '',
  others: [],
  doubt: '',
  seen_again: null,
  seen_later: [],
  uncertain: [],
}
const atS = Date.parse('2026-11-20T10:00:00Z') / 1000
const nothing: LookUp = { holders: [], recorded: [], onTheWay: nothingOnTheWay, blank: undefined }
const answer = (found: Partial<LookUp>): Record<string, unknown> =>
  JSON.parse(formatJson(lookUpJson('10.0.1.5', atS, { ...nothing, ...found }))) as Record<string, unknown>
const one = (values: Partial<Holder>): Record<string, unknown> =>
  (answer({ holders: [{ ...holder, ...values }] })['holders'] as Record<string, unknown>[])[0]!

describe('the JSON of lookup', () => {
  it('has numbers as numbers, times with Z and null for what is not known, and no other name than the docs', () => {
    const held = answer({ holders: [holder] })
    assert.deepEqual(held, {
      ip: '10.0.1.5',
      at: '2026-11-20T10:00:00Z',
      unknown: null,
      holders: [
        {
          scope: 'vpc-1',
          state: 'held',
          interfaceId: 'eni-1',
          instanceId: 'i-1',
          interfaceType: null,
          subnetId: null,
          vpcId: 'vpc-1',
          accountId: '001234567890',
          region: 'eu-central-1',
          azId: null,
          service: null,
          owner: 'eni-1 i-1',
          heldSince: '2026-11-18T07:00:00Z',
          gaps: 2,
          firstSeen: '2026-11-20T00:00:10Z',
          lastSeen: '2026-11-20T10:00:00Z',
          seenAgain: null,
          seenLater: [],
          conflictS: 0,
          doubt: null,
          others: [],
          nextSeen: null,
          nextOwnerFrom: null,
          uncertain: [],
        },
      ],
      recorded: [],
      waiting: { unknown: null, steps: [] },
    })
    const [example] = /```json\n([^]*?)```/.exec(readFileSync(join(root, 'docs/json.md'), 'utf8'))!.slice(1)
    const documented = JSON.parse(example!) as { holders: object[] }
    assert.deepEqual(Object.keys(documented), Object.keys(held))
    assert.deepEqual(Object.keys(documented.holders[0]!), Object.keys((held['holders'] as object[])[0]!))
  })

  it('says of an ambiguous one how long and with whom', () => {
    const said = one({ state: 'ambiguous', doubt: 'conflict', conflict_s: '90', others: ['eni-2'] })
    assert.deepEqual([said['state'], said['doubt'], said['conflictS'], said['others']], ['ambiguous', 'conflict', 90, ['eni-2']])
  })

  it('says of a last-known one who came next, and of an owner that ended since when the next one is there', () => {
    const said = one({ state: 'last-known', next_seen: '2026-11-23 10:13:20', next_owner: 'eni-1', valid_to: '2026-11-24 00:00:00', end_known: true }) // prettier-ignore
    assert.deepEqual(
      [said['state'], said['nextSeen'], said['nextOwnerFrom']],
      ['last-known', { at: '2026-11-23T10:13:20Z', owner: 'eni-1' }, '2026-11-24T00:00:00Z'],
    )
  })

  it('has null for a second that nobody knows, and names those that may be later', () => {
    const said = one({ last_seen: null, uncertain: ['held_since', 'first_seen', 'next_seen', 'valid_to'] })
    assert.deepEqual([said['lastSeen'], said['uncertain']], [null, ['heldSince', 'firstSeen', 'nextSeen', 'nextOwnerFrom']])
  })

  it('says where the address was recorded, and what is on its way', () => {
    const row = { scope: '1/r', observer: '-', account_id: '1', instance_id: '', first_at: String(atS), last_at: String(atS + 60), last_before: null, flows: '18446744073709551615' } // prettier-ignore
    const onTheWay = { unknown: null, steps: [{ topic: 'rawLines' as const, records: 2, unclear: null }] }
    const said = answer({ recorded: [{ ...row, side: 'either', proven: false, span: 'minutes' }], onTheWay, blank: 'not-proven' })
    assert.deepEqual(said['recorded'], [
      { scope: '1/r', observer: null, accountId: '1', instanceId: null, side: 'either', proven: false, span: 'minutes', first: '2026-11-20T10:00:00Z', last: '2026-11-20T10:01:00Z', lastBefore: null, flows: '18446744073709551615' },
    ]) // prettier-ignore
    assert.deepEqual(said['waiting'], onTheWay)
  })

  it('tells nobody from what cannot be known', () => {
    const waiting = { unknown: null, steps: [] }
    assert.deepEqual(answer({}), { ip: '10.0.1.5', at: '2026-11-20T10:00:00Z', unknown: null, holders: [], recorded: [], waiting })
    for (const blank of ['map-empty', 'nothing-read', 'not-proven', 'on-their-way', 'kafka-unknown'] as const)
      assert.equal(answer({ blank })['unknown'], blank)
  })
})

describe('the JSON of a command', () => {
  it('has counts as numbers as long as they are exact, and as digits above', () => {
    const exact = 2n ** 53n - 1n
    assert.deepEqual(JSON.parse(formatJson({ packets: exact, bytes: exact + 1n, more: 2n ** 64n })), {
      packets: Number(exact),
      bytes: '9007199254740992',
      more: '18446744073709551616',
    })
  })

  it('has the counts of a replay as numbers', () => {
    const counts = { objects: '3', flows: '10', packets: '20', bytes: '18446744073709551615', noData: '0', skipData: '1', dead: '2', addresses: '4' } // prettier-ignore
    const said = JSON.parse(formatJson(comparisonJson({ replay: counts, live: undefined }))) as Record<string, unknown>
    assert.deepEqual(said, {
      replay: { objects: 3, flows: 10, packets: 20, bytes: '18446744073709551615', noData: 0, skipData: 1, deadLetters: 2, addresses: 4 },
      live: null,
    })
  })

  it('has times with Z and durations as seconds', () => {
    assert.deepEqual(
      JSON.parse(formatJson({ from: atS, late: [{ slot: atS, latenessS: 90 }], deadLetterSlots: [atS], lastArrival: null })),
      {
        from: '2026-11-20T10:00:00Z',
        late: [{ slot: '2026-11-20T10:00:00Z', latenessS: 90 }],
        deadLetterSlots: ['2026-11-20T10:00:00Z'],
        lastArrival: null,
      },
    )
  })

  it('has null for text that is not known, in each answer, and keeps text that is empty in truth', () => {
    const object = { bucket: 'b', key: 'k', flowLogId: '', slot: null, state: 'done', errorCode: '', errorDetail: '' }
    const counts = { flows: 1, noData: 2, skipData: 3 }
    const said = JSON.parse(
      formatJson({
        seenBy: [{ accountId: '', region: '', flowLogId: '', ...counts }],
        unread: [object],
        skipped: [{ interfaceId: '', flowLogId: '', records: 1, first: atS, last: atS }],
        overlaps: [{ observer: 'eni-1', flowLogs: ['', 'fl-1'] }],
        letter: { detail: '', etag: '', text: '', bytesBase64: '' },
        source: { prefix: '' },
      }),
    ) as unknown
    const time = '2026-11-20T10:00:00Z'
    assert.deepEqual(said, {
      seenBy: [{ accountId: null, region: null, flowLogId: null, ...counts }],
      unread: [{ ...object, flowLogId: null, errorCode: null, errorDetail: null }],
      skipped: [{ interfaceId: null, flowLogId: null, records: 1, first: time, last: time }],
      overlaps: [{ observer: 'eni-1', flowLogs: [null, 'fl-1'] }],
      letter: { detail: null, etag: null, text: '', bytesBase64: '' },
      source: { prefix: '' },
    })
  })

  it('has an owner that is not known as null', () => {
    assert.deepEqual(one({ next_seen: '2026-11-23 10:13:20' })['nextSeen'], { at: '2026-11-23T10:13:20Z', owner: null })
  })

  it('has one name for one count in audit, coverage and replay, and null for the topics that were left out', () => {
    const tally = { ...emptyTally(), noData: 1, skipData: 2, dead: 3 }
    const report = { objects: 0, unreadable: [], gone: 0, totals: { s3: tally, topics: tally, tables: tally }, differences: [], sources: [], foreign: [], blind: [], unannounced: { count: 0, first: null, last: null }, beforeStart: 0 } // prettier-ignore
    const totalsOf = (withTopics: boolean): Record<string, object | null> =>
      (JSON.parse(formatJson(auditJson(report, withTopics))) as { totals: Record<string, object | null> }).totals
    const wanted = { lines: 0, headers: 0, blank: 0, flows: 0, noData: 1, skipData: 2, packets: 0, bytes: 0, deadLetters: 3 }
    assert.deepEqual(totalsOf(true), { s3: wanted, topics: wanted, tables: wanted })
    assert.deepEqual(totalsOf(false), { s3: wanted, topics: null, tables: wanted })
    // no writer has another spelling of these
    for (const path of globSync('{cli,audit,operations}/**/*.ts', { cwd: root }))
      assert.doesNotMatch(readFileSync(join(root, path), 'utf8'), /readonly (nodata|skipdata|no_data|skip_data)\b/, path)
    const page = readFileSync(join(root, 'docs/json.md'), 'utf8')
    assert.doesNotMatch(page, /`(nodata|skipdata|dead)`/)
  })

  it('is written in one place alone', () => {
    const others = globSync('cli/**/*.ts', { cwd: root }).filter(
      path => path !== join('cli', 'print', 'json.ts') && readFileSync(join(root, path), 'utf8').includes('JSON.stringify'),
    )
    assert.deepEqual(others, [])
  })
})
