// What commands print with --json: numbers as numbers, times with Z, and each kind of answer of `lookup` as docs/json.md says.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { lookUpJson } from '../../../../cli/print/holder.ts'
import { formatJson } from '../../../../cli/print/json.ts'
import { comparisonJson } from '../../../../cli/print/replay-comparison.ts'
import type { Blank, Holder } from '../../../../operations/holders.ts'

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
}
const atS = Date.parse('2026-11-20T10:00:00Z') / 1000
const answer = (holders: readonly Holder[], blank?: Blank): Record<string, unknown> =>
  JSON.parse(formatJson(lookUpJson('10.0.1.5', atS, holders, blank))) as Record<string, unknown>
const one = (values: Partial<Holder>): Record<string, unknown> =>
  (answer([{ ...holder, ...values }])['holders'] as Record<string, unknown>[])[0]!

describe('the JSON of lookup', () => {
  it('has numbers as numbers, times with Z and null for what is not known, and no other name than the docs', () => {
    const held = answer([holder])
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
          heldSince: '2026-11-18T07:00:00Z',
          gaps: 2,
          firstSeen: '2026-11-20T00:00:10Z',
          lastSeen: '2026-11-20T10:00:00Z',
          conflictS: 0,
          others: [],
          nextSeen: null,
          nextOwnerFrom: null,
        },
      ],
    })
    const [example] = /```json\n([^]*?)```/.exec(readFileSync(join(root, 'docs/json.md'), 'utf8'))!.slice(1)
    const documented = JSON.parse(example!) as { holders: object[] }
    assert.deepEqual(Object.keys(documented), Object.keys(held))
    assert.deepEqual(Object.keys(documented.holders[0]!), Object.keys((held['holders'] as object[])[0]!))
  })

  it('says of an ambiguous one how long and with whom', () => {
    const said = one({ state: 'ambiguous', conflict_s: '90', others: ['eni-2'] })
    assert.deepEqual([said['state'], said['conflictS'], said['others']], ['ambiguous', 90, ['eni-2']])
  })

  it('says of a last-known one who came next, and of an owner that ended since when the next one is there', () => {
    const said = one({ state: 'last-known', next_seen: '2026-11-23 10:13:20', next_owner: 'eni-1', valid_to: '2026-11-24 00:00:00', end_known: true }) // prettier-ignore
    assert.deepEqual(
      [said['state'], said['nextSeen'], said['nextOwnerFrom']],
      ['last-known', { at: '2026-11-23T10:13:20Z', owner: 'eni-1' }, '2026-11-24T00:00:00Z'],
    )
  })

  it('tells nobody from what cannot be known', () => {
    assert.deepEqual(answer([]), { ip: '10.0.1.5', at: '2026-11-20T10:00:00Z', unknown: null, holders: [] })
    for (const blank of ['map-empty', 'nothing-read'] as const) assert.equal(answer([], blank)['unknown'], blank)
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
      replay: { objects: 3, flows: 10, packets: 20, bytes: '18446744073709551615', noData: 0, skipData: 1, dead: 2, addresses: 4 },
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

  it('is written in one place alone', () => {
    const others = globSync('cli/**/*.ts', { cwd: root }).filter(
      path => path !== join('cli', 'print', 'json.ts') && readFileSync(join(root, path), 'utf8').includes('JSON.stringify'),
    )
    assert.deepEqual(others, [])
  })
})
