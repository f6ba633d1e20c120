// What `flowloom lookup` says of a holder.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { askedText, blankText, describeHolder, nobodyText, onTheWayLines, recordedText } from '../../../../cli/print/holder.ts'
import type { Holder } from '../../../../operations/holders.ts'
import type { Recorded } from '../../../../operations/look-up.ts'
import { nothingOnTheWay, type OnTheWay } from '../../../../operations/on-the-way.ts'

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
  owner: 'eni-1 i-1',
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
  doubt: '',
  seen_again: null,
  seen_later: [],
  uncertain: [],
}

const atS = Date.parse('2023-07-26T00:08:00Z') / 1000
const waits: OnTheWay = { unknown: null, steps: [{ topic: 'ipSightings', records: 1, unclear: null }] }
const said = (values: Partial<Holder>, onTheWay = nothingOnTheWay): string =>
  describeHolder({ ...holder, ...values }, { atS, onTheWay }).split('\n')[1]!

describe('the holder of an address', () => {
  it('that was last seen years ago does not hold it until now: it was seen before, and not since', () => {
    assert.equal(
      describeHolder(holder, { atS, onTheWay: nothingOnTheWay }),
      'vpc-1: eni-1 i-1 vpc-1\n  last-known: last seen before: 2023-07-26 00:05:10 UTC; not seen since',
    )
  })

  it('in the middle of a gap of three days is said with both ends of the gap, and who came then', () => {
    const next_seen = '2023-07-29 08:00:00'
    assert.equal(
      said({ next_seen, next_owner: 'eni-1 i-1' }),
      '  last-known: last seen before: 2023-07-26 00:05:10 UTC; next seen: 2023-07-29 08:00:00 UTC (by the same owner)',
    )
    assert.match(said({ next_seen, next_owner: 'eni-2' }), /next seen: 2023-07-29 08:00:00 UTC \(by eni-2\)$/)
  })

  it('that was last seen together with another one is not said alone', () => {
    assert.match(said({ others: ['eni-2 i-2'] }), /UTC; not seen since; another owner was last seen then too: eni-2 i-2$/)
    assert.match(said({ others: ['eni-2', 'eni-3'] }), /; others were there too, of whom one at least was last seen then: eni-2, eni-3$/)
  })

  it('is another one if its interface is at another instance', () => {
    const next = { next_seen: '2023-07-29 08:00:00', next_owner: 'eni-1 i-2' }
    assert.match(said(next), /next seen: 2023-07-29 08:00:00 UTC \(by eni-1 i-2\)$/)
    assert.match(said({ ...next, state: 'held', last_seen: '2023-07-26 00:07:59' }), /1 s before, next eni-1 i-2 at 2023/)
  })

  it('has held it since the first of its runs in a row, with gaps, until the next owner', () => {
    assert.equal(
      said({ state: 'held', gaps: 3, valid_to: '2023-07-27 00:00:00', end_known: true }),
      '  held: held since 2023-07-20 10:00:00 UTC, with gaps (3 times not seen for more than 10 minutes); last seen at 2023-07-26 00:05:10 UTC, 170 s before; next owner from 2023-07-27 00:00:00 UTC',
    )
  })

  it('is ambiguous where others were seen with it, and lists them', () => {
    assert.equal(
      said({ state: 'ambiguous', doubt: 'conflict', conflict_s: '90', others: ['eni-2', 'eni-3'] }),
      '  ambiguous: held since 2023-07-20 10:00:00 UTC; last seen at 2023-07-26 00:05:10 UTC, 170 s before; nobody newer is known; another owner was seen for 90 s at the same time: eni-2, eni-3',
    )
  })
})

describe('the second in which a holder was last seen', () => {
  const held = { state: 'held', end_known: true, valid_to: '2023-07-26 00:06:00' } as const

  it('is said beside a new owner too, with the time since then', () => {
    assert.match(said(held), /; last seen at 2023-07-26 00:05:10 UTC, 170 s before; next owner from 2023-07-26 00:06:00 UTC$/)
  })

  it('is that of the gap if the time is in one, with the end of it', () => {
    assert.match(said({ ...held, seen_again: '2023-07-26 00:09:00' }), /UTC, 170 s before, next at 2023-07-26 00:09:00 UTC;/)
    const next = { next_seen: '2023-07-26 00:10:00', next_owner: 'eni-2' }
    assert.match(said({ ...held, ...next }), /UTC, 170 s before, next eni-2 at 2023-07-26 00:10:00 UTC;/)
    assert.match(said({ ...held, ...next, uncertain: ['next_seen'] }), /next eni-2 at 2023-07-26 00:10:00 UTC or up to 10 minutes later;/)
  })

  it('is not made up if no flow says it', () => {
    assert.match(said({ ...held, last_seen: null }), /; last seen at most 10 minutes before \(no flow is there to say the second\);/)
    assert.match(said({ ...held, uncertain: ['held_since', 'valid_to'] }), /held since 2023-07-20 10:00:00 UTC or up to 10 minutes later; .*; next owner from 2023-07-26 00:06:00 UTC or up to 10 minutes later$/) // prettier-ignore
  })

  it('may be before that of another one, which is said', () => {
    const seen_later = [{ owner: 'eni-2', at: '2023-07-26 00:07:00' }]
    assert.match(said({ ...held, seen_later }), /; eni-2 was seen later, at 2023-07-26 00:07:00 UTC;/)
  })

  it('is in doubt if another one was there in between', () => {
    assert.match(said({ state: 'ambiguous', doubt: 'resumed', others: ['eni-2'] }), /; another owner was there in between, and may have been seen later: eni-2$/) // prettier-ignore
    const turns = { state: 'ambiguous', doubt: 'turns', others: ['eni-2'] } satisfies Partial<Holder>
    const seen_later = [{ owner: 'eni-2', at: '2023-07-26 00:07:00' }]
    assert.match(said({ ...turns, seen_later }), /; another owner was there before, and was seen after it: eni-2$/)
    assert.match(said(turns), /; another owner was there too, and may have been seen later: eni-2$/)
    assert.match(said({ ...turns, doubt: 'overlap' }), /; another owner was seen at the same time: eni-2$/)
    assert.match(said({ state: 'ambiguous', doubt: 'midnight' }), /; another owner was seen around midnight too$/)
  })
})

describe('records that are on their way', () => {
  it('leave it open whether somebody newer is known', () => {
    const unasked: OnTheWay = { unknown: 'no broker answers', steps: [] }
    for (const onTheWay of [waits, unasked]) {
      assert.match(said({ state: 'held' }, onTheWay), /; nobody newer is in the tables$/)
      assert.match(said({}, onTheWay), /; nobody since is in the tables$/)
    }
  })

  it('are said topic by topic, with what is not known of them', () => {
    assert.deepEqual(onTheWayLines(nothingOnTheWay), [])
    assert.deepEqual(onTheWayLines({ unknown: 'no broker answers', steps: [] }), ['could not ask Kafka if records are on their way: no broker answers']) // prettier-ignore
    assert.deepEqual(
      onTheWayLines({
        unknown: null,
        steps: [
          { topic: 'objectArrivals', records: 2, unclear: null },
          { topic: 'rawLines', records: 1, unclear: { records: 900, why: 'it is more than is looked at' } },
          { topic: 'ipSightings', records: 0, unclear: { records: 1, why: 'a transaction stays open' } },
        ],
      }),
      [
        'on the way: 2 announcements not read by fetch yet',
        'on the way: 1 block of lines not read by enrich yet',
        'on the way: up to 900 records of the blocks of lines: it is more than is looked at',
        'on the way: up to 1 record of the sightings: a transaction stays open',
      ],
    )
  })
})

describe('an address that flows show at an interface, and do not prove to be held by it', () => {
  const recorded: Recorded = {
    scope: '1/eu-central-1',
    observer: 'eni-1',
    account_id: '1',
    instance_id: '',
    side: 'own',
    proven: false,
    span: 'day',
    first_at: String(atS - 100),
    last_at: String(atS + 100),
    last_before: String(atS - 10),
    flows: '40000',
  }

  it('is said with the interface, the times and the number of flows', () => {
    assert.equal(
      recordedText('10.0.1.5', recorded),
      '10.0.1.5: recorded at eni-1 (1/eu-central-1), not proven to be held by it: that it is the side of the interface is inferred, or the times are not logged\n' +
        '  40000 flows of that day, 2023-07-26 00:06:20 to 2023-07-26 00:09:40 UTC, last before: 2023-07-26 00:07:50 UTC',
    )
    assert.match(recordedText('10.0.1.5', { ...recorded, side: 'either' }), /which end of the flows is the interface is not known/)
    assert.match(recordedText('10.0.1.5', { ...recorded, side: 'packet' }), /recorded in packets of eni-1/)
    assert.match(recordedText('10.0.1.5', { ...recorded, observer: '-', scope: '' }), /recorded at an interface that the format does not name, not proven to be held by it: nothing names the interface\n/) // prettier-ignore
    assert.match(
      recordedText('10.0.1.5', { ...recorded, scope: '' }),
      /recorded at eni-1, not proven to be held by it: nothing names its VPC/,
    )
    assert.match(recordedText('10.0.1.5', { ...recorded, proven: true }), /\(1\/eu-central-1\), it holds it by its own records, which are not in cloud_map\n/) // prettier-ignore
  })

  it('beside a holder is said with the time that was read, and not as that of the day', () => {
    const times = (span: Recorded['span']): string => recordedText('10.0.1.5', { ...recorded, span, flows: '1' }).split('\n')[1]!
    assert.match(times('since'), /^ {2}1 flow since the holder of that scope was last seen, 2023-07-26 00:06:20 to 2023-07-26 00:09:40 UTC, last before/) // prettier-ignore
    assert.match(times('minutes'), /^ {2}1 flow of the 10 minutes before, 2023/)
  })
})

describe('a question that the tables cannot answer', () => {
  const atS = Date.parse('2026-11-17T14:00:00Z') / 1000

  it('about a day of which nothing was read names the command that reads it', () => {
    assert.equal(
      blankText('nothing-read', '10.0.1.5', atS),
      'not known who held 10.0.1.5 at 2026-11-17T14:00:00Z: no object of 2026-11-17 (UTC) was read; to read that day: flowloom backfill --from 2026-11-17 --to 2026-11-17',
    )
  })

  it('before clickhouse has filled the map says so', () => {
    assert.match(blankText('map-empty', '10.0.1.5', atS), /: the table cloud_map is empty; the role clickhouse has not filled it/)
  })

  it('of an empty map that is rightly so does not blame clickhouse', () => {
    const text = blankText('nothing-proven', '10.0.1.5', atS)
    assert.match(text, /: the table cloud_map is empty, and no flow of 2026-11-17 \(UTC\) proves who holds an address; have flow-direction/)
  })

  it('of an address that is only recorded says what would prove it', () => {
    assert.match(blankText('not-proven', '10.0.1.5', atS), /: no flow proves who held it; have flow-direction in the format/)
  })

  it('while records are on their way, or may be, does not say that nobody held it', () => {
    assert.match(blankText('on-their-way', '10.0.1.5', atS), /: nobody in the tables yet, and records are on their way; ask again$/)
    assert.match(blankText('kafka-unknown', '10.0.1.5', atS), /: nobody in the tables, and nobody can say if records are on their way$/) // prettier-ignore
  })

  it('is not one where the day was read and nobody held the address', () => {
    assert.equal(askedText('10.0.1.5', atS), '10.0.1.5 at 2026-11-17T14:00:00Z:')
    assert.equal(nobodyText('10.0.1.5', atS), 'nobody is known to have held 10.0.1.5 at 2026-11-17T14:00:00Z')
  })
})
