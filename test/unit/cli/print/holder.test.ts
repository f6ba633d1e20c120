// What `flowloom lookup` says of a holder.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { blankText, describeHolder, nobodyText } from '../../../../cli/print/holder.ts'
import type { Holder } from '../../../../operations/holders.ts'

const holder: Holder = {
  scope: 'vpc-1',
  state: 'last-known',
  interface_id: 'eni-1',
  instance_id: 'i-1',
  interface_type: '',
  subnet_id: '',
  vpc_id: 'vpc-1',
  account_id: '',
  region: '',
  az_id: '',
  service: '',
  valid_from: '2023-07-26 00:00:10',
  valid_to: null,
  end_known: false,
  first_seen: '2023-07-26 00:00:10',
  last_seen: '2023-07-26 00:05:10',
  conflict_s: '0',
  held_since: '2023-07-20 10:00:00',
  gaps: 0,
  next_seen: null,
  next_owner: '',
  others: [],
}

const said = (values: Partial<Holder>): string => describeHolder({ ...holder, ...values }).split('\n')[1]!

describe('the holder of an address', () => {
  it('that was last seen years ago does not hold it until now: it was seen before, and not since', () => {
    assert.equal(describeHolder(holder), 'vpc-1: eni-1 i-1 vpc-1\n  last-known: last seen before: 2023-07-26 00:05:10 UTC; not seen since')
  })

  it('in the middle of a gap of three days is said with both ends of the gap, and who came then', () => {
    const next_seen = '2023-07-29 08:00:00'
    assert.equal(
      said({ next_seen, next_owner: 'eni-1' }),
      '  last-known: last seen before: 2023-07-26 00:05:10 UTC; next seen: 2023-07-29 08:00:00 UTC (by the same owner)',
    )
    assert.match(said({ next_seen, next_owner: 'eni-2' }), /next seen: 2023-07-29 08:00:00 UTC \(by eni-2\)$/)
  })

  it('has held it since the first of its runs in a row, with gaps, until the next owner', () => {
    assert.equal(
      said({ state: 'held', gaps: 3, valid_to: '2023-07-27 00:00:00', end_known: true }),
      '  held: held since 2023-07-20 10:00:00 UTC, with gaps (3 times not seen for more than 10 minutes); seen 2023-07-26 00:00:10 to 2023-07-26 00:05:10; next owner from 2023-07-27 00:00:00 UTC',
    )
  })

  it('is ambiguous where others were seen with it, and lists them', () => {
    assert.equal(
      said({ state: 'ambiguous', conflict_s: '90', others: ['eni-2', 'eni-3'] }),
      '  ambiguous: held since 2023-07-20 10:00:00 UTC; seen 2023-07-26 00:00:10 to 2023-07-26 00:05:10; nobody newer is known; another owner was seen for 90 s at the same time: eni-2, eni-3',
    )
  })
})

describe('a question that the tables cannot answer', () => {
  const atS = Date.parse('2026-11-17T14:00:00Z') / 1000

  it('about a day of which nothing was read names the command that reads it', () => {
    assert.equal(
      blankText('nothing-read', atS),
      'not known: no object of 2026-11-17 (UTC) was read; to read that day: flowloom backfill --from 2026-11-17 --to 2026-11-17',
    )
  })

  it('before the sink has filled the map says so', () => {
    assert.match(blankText('map-empty', atS), /^not known: the table cloud_map is empty; the sink has not filled it/)
  })

  it('is not one where the day was read and nobody held the address', () => {
    assert.equal(nobodyText('10.0.1.5', atS), 'nobody is known to have held 10.0.1.5 at 2026-11-17T14:00:00Z')
  })
})
