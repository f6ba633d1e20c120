// Evidence, gap or unknown: one flow log that saw everything, and what changes when something is not as it should be.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeSlotBySlot } from '../../../../operations/coverage/interface-report.ts'
import { judge, type CoveringFlowLog, type Evidence, type SlotState, type VerdictWord } from '../../../../operations/coverage/verdict.ts'
import { nothingWaits, type Waiting } from '../../../../operations/coverage/waiting.ts'

const base = 1_763_978_400
const slot = (n: number): number => base + n * 300
const read: SlotState = { done: 1, unread: 0, failed: 0, deadLetters: 0, empty: 0, onTheirWay: 0, removed: 0, warnings: [] }
const slots = (states: Readonly<Record<number, SlotState | null>> = {}): Map<number, SlotState> => {
  const all = new Map(Array.from({ length: 20 }, (_unused, n) => [slot(n), read]))
  for (const [n, state] of Object.entries(states))
    if (state === null) all.delete(slot(Number(n)))
    else all.set(slot(Number(n)), state)
  return all
}
const flowLog = (values: Partial<CoveringFlowLog> = {}): CoveringFlowLog => ({
  flowLogId: 'fl-a',
  firstSeen: slot(0),
  lastSeen: slot(20),
  actions: ['ACCEPT', 'REJECT'],
  silences: [],
  longRecords: [],
  lastKnown: slot(30),
  slots: slots(),
  ...values,
})
const evidence = (values: Partial<Evidence> = {}): Evidence => ({
  flowLogs: [flowLog()],
  losses: [],
  waiting: nothingWaits,
  windowS: 600,
  everyS: 300,
  notDue: slot(20),
  asked: 'accepted',
  ...values,
})

/** Objects of fl-b that wait: an announcement of a slot, and a record of the ledger of the slot after it. */
const waiting = (n: number, values: Partial<Waiting> = {}): Waiting => {
  const name = { accountId: '1', region: 'r', flowLogId: 'fl-b' }
  return {
    unknown: null,
    partitions: [
      { stage: 'announced', partition: 3, records: 8, unclear: null },
      { stage: 'read', partition: 1, records: 7, unclear: null },
    ],
    objects: [
      { stage: 'announced', partition: 3, ...name, slotStart: slot(n) },
      { stage: 'read', partition: 1, ...name, slotStart: slot(n + 1) },
    ],
    ...values,
  }
}

/** The time asked for: the middle of slot 5. Windows of 10 minutes and a late minute: slots 5, 6, 7 matter, and 8 from its 4th minute on. */
const at = slot(5) + 150

const cases: readonly { name: string; known: Evidence; at?: number; expect: VerdictWord; reason?: RegExp }[] = [
  {
    name: 'every object is there',
    known: evidence(),
    expect: 'evidence',
    reason: /^fl-a: every object of the slots .*10:25:00 to .*10:39:59/,
  },
  { name: 'no flow log is known', known: evidence({ flowLogs: [] }), expect: 'unknown', reason: /no flow log has a record/ },
  { name: 'the object of the time is missing', known: evidence({ flowLogs: [flowLog({ slots: slots({ 5: null }) })] }), expect: 'unknown', reason: /10:25:00: no object$/ }, // prettier-ignore
  { name: 'an object that can hold a record of the time is missing', known: evidence({ flowLogs: [flowLog({ slots: slots({ 7: null }) })] }), expect: 'unknown' }, // prettier-ignore
  {
    name: 'an object before the time is missing',
    known: evidence({ flowLogs: [flowLog({ slots: slots({ 4: null }) })] }),
    expect: 'evidence',
  },
  {
    name: 'an object after the window is missing',
    known: evidence({ flowLogs: [flowLog({ slots: slots({ 8: null }) })] }),
    expect: 'evidence',
  },
  { name: 'late in a slot the minute of delay reaches into another', at: slot(5) + 245, known: evidence({ flowLogs: [flowLog({ slots: slots({ 8: null }) })] }), expect: 'unknown' }, // prettier-ignore
  { name: 'windows of a minute need fewer objects', known: evidence({ windowS: 60, flowLogs: [flowLog({ slots: slots({ 6: null }) })] }), expect: 'evidence' }, // prettier-ignore
  { name: 'an object is not due yet', known: evidence({ notDue: slot(7), flowLogs: [flowLog({ slots: slots({ 7: null }) })] }), expect: 'unknown', reason: /need not be one yet/ }, // prettier-ignore
  { name: 'a slot with an object is not due yet: another one can come', known: evidence({ notDue: slot(7) }), expect: 'unknown', reason: /10:35:00: another object can still come/ }, // prettier-ignore
  { name: 'no later slot is known: another object of the slots may not have been listed', known: evidence({ flowLogs: [flowLog({ lastKnown: slot(7) })] }), expect: 'unknown', reason: /^fl-a: no object of a later slot than .*10:35:00 is known/ }, // prettier-ignore
  { name: 'the slot after it is known', known: evidence({ flowLogs: [flowLog({ lastKnown: slot(8) })] }), expect: 'evidence' },
  { name: 'an announcement of a slot is not read yet, of whatever flow log', known: evidence({ waiting: waiting(7) }), expect: 'unknown', reason: /^1 announcement not read yet: fl-b, slot .*10:35:00$/ }, // prettier-ignore
  { name: 'a record of the ledger is not in its table yet', known: evidence({ waiting: waiting(4) }), expect: 'unknown', reason: /^the ledger's partition 1 is 7 records behind in the table of objects: fl-b, slot .*10:25:00$/ }, // prettier-ignore
  { name: 'what waits is of slots after the window', known: evidence({ waiting: waiting(8) }), expect: 'evidence' },
  { name: 'what waits is of slots before the time', known: evidence({ waiting: waiting(3) }), expect: 'evidence' },
  { name: 'Kafka did not answer', known: evidence({ waiting: { ...nothingWaits, unknown: 'no broker answers' } }), expect: 'unknown', reason: /is not known: no broker answers$/ }, // prettier-ignore
  { name: 'a partition is too far behind to look into', known: evidence({ waiting: waiting(20, { partitions: [{ stage: 'read', partition: 2, records: 900, unclear: 'too much' }] }) }), expect: 'unknown', reason: /^the ledger's partition 2 is up to 900 records behind, of unknown slots: too much/ }, // prettier-ignore
  { name: 'a gap is certain while something waits', known: evidence({ waiting: waiting(5), flowLogs: [flowLog({ slots: slots({ 6: { ...read, failed: 1 } }) })] }), expect: 'gap' }, // prettier-ignore
  { name: 'an object waits for another attempt', known: evidence({ flowLogs: [flowLog({ slots: slots({ 6: { ...read, unread: 1 } }) })] }), expect: 'unknown', reason: /1 object still to be read/ }, // prettier-ignore
  { name: 'an object failed', known: evidence({ flowLogs: [flowLog({ slots: slots({ 6: { ...read, failed: 2 } }) })] }), expect: 'gap', reason: /2 objects could not be read/ }, // prettier-ignore
  { name: 'an object failed and nothing else is there', known: evidence({ flowLogs: [flowLog({ slots: slots({ 5: { ...read, done: 0, failed: 1 } }) })] }), expect: 'gap' }, // prettier-ignore
  { name: 'there are dead letters', known: evidence({ flowLogs: [flowLog({ slots: slots({ 5: { ...read, deadLetters: 1 } }) })] }), expect: 'gap', reason: /1 line could not be read/ }, // prettier-ignore
  { name: 'a gap outweighs what is unknown', known: evidence({ flowLogs: [flowLog({ slots: slots({ 5: null, 6: { ...read, deadLetters: 1 } }) })] }), expect: 'gap' }, // prettier-ignore
  { name: 'SKIPDATA spans the time', known: evidence({ losses: [{ start: at - 30, end: at + 29, timed: true, unclear: false }] }), expect: 'gap', reason: /^SKIPDATA/ }, // prettier-ignore
  { name: 'SKIPDATA begins a minute later: times can be late', known: evidence({ losses: [{ start: at + 60, end: at + 119, timed: true, unclear: false }] }), expect: 'gap' }, // prettier-ignore
  {
    name: 'SKIPDATA begins after that',
    known: evidence({ losses: [{ start: at + 61, end: at + 119, timed: true, unclear: false }] }),
    expect: 'evidence',
  },
  {
    name: 'SKIPDATA ends before',
    known: evidence({ losses: [{ start: at - 60, end: at - 1, timed: true, unclear: false }] }),
    expect: 'evidence',
  },
  { name: 'SKIPDATA without times: its window can begin before its slot', known: evidence({ losses: [{ start: slot(7), end: slot(8) - 1, timed: false, unclear: false }] }), expect: 'gap' }, // prettier-ignore
  { name: 'SKIPDATA without times, three slots later', known: evidence({ losses: [{ start: slot(8), end: slot(9) - 1, timed: false, unclear: false }] }), expect: 'evidence' }, // prettier-ignore
  { name: 'a record is NODATA or SKIPDATA, and nobody can tell', known: evidence({ losses: [{ start: at - 30, end: at + 29, timed: true, unclear: true }] }), expect: 'unknown', reason: /^NODATA or SKIPDATA from .*: its format has no log-status/ }, // prettier-ignore
  { name: 'such a record ends before', known: evidence({ losses: [{ start: at - 60, end: at - 1, timed: true, unclear: true }] }), expect: 'evidence' }, // prettier-ignore
  { name: 'the flow log recorded rejected traffic alone', known: evidence({ flowLogs: [flowLog({ actions: ['REJECT'] })] }), expect: 'unknown', reason: /^no flow log of these recorded accepted traffic/ }, // prettier-ignore
  { name: 'that is what is asked of', known: evidence({ asked: 'rejected', flowLogs: [flowLog({ actions: ['REJECT'] })] }), expect: 'evidence' }, // prettier-ignore
  { name: 'two flow logs record a half each, and both are asked of', known: evidence({ asked: 'both', flowLogs: [flowLog({ actions: ['REJECT'] }), flowLog({ flowLogId: 'fl-b', actions: ['ACCEPT'] })] }), expect: 'evidence' }, // prettier-ignore
  { name: 'a flow log that has ended recorded the other half', known: evidence({ flowLogs: [flowLog({ actions: ['REJECT'] }), flowLog({ flowLogId: 'fl-old', lastSeen: slot(2), slots: new Map() })] }), expect: 'unknown' }, // prettier-ignore
  { name: 'its format has no action', known: evidence({ flowLogs: [flowLog({ actions: ['-'] })] }), expect: 'unknown' },
  { name: 'its format has no action, and whatever it is for is asked of', known: evidence({ asked: 'any', flowLogs: [flowLog({ actions: ['-'] })] }), expect: 'evidence' }, // prettier-ignore
  { name: 'the interface was first seen later', known: evidence({ flowLogs: [flowLog({ firstSeen: at + 1 })] }), expect: 'unknown', reason: /need not have been there/ }, // prettier-ignore
  { name: 'the interface was last seen before', known: evidence({ flowLogs: [flowLog({ lastSeen: at - 1 })] }), expect: 'unknown' },
  { name: 'the interface is silent there for a window, though the slots have objects', known: evidence({ flowLogs: [flowLog({ silences: [{ after: at - 100, until: at + 1 }] })] }), expect: 'unknown', reason: /^fl-a has no record of the interface between .*10:25:50 and .*10:27:31, not even NODATA/ }, // prettier-ignore
  { name: 'a silence ends with a record of the time', known: evidence({ flowLogs: [flowLog({ silences: [{ after: at - 100, until: at }] })] }), expect: 'evidence' }, // prettier-ignore
  { name: 'a silence begins behind a record of the time', known: evidence({ flowLogs: [flowLog({ silences: [{ after: at, until: at + 100 }] })] }), expect: 'evidence' }, // prettier-ignore
  { name: 'windows of a minute are stated, and a record is longer', known: evidence({ windowS: 60, flowLogs: [flowLog({ longRecords: [at - 1200] })] }), expect: 'unknown', reason: /more than 120 s around that time: --window 1 does not hold/ }, // prettier-ignore
  {
    name: 'records are long, and no window is stated',
    known: evidence({ flowLogs: [flowLog({ longRecords: [at] })] }),
    expect: 'evidence',
  },
  { name: 'objects name no slot', known: evidence({ flowLogs: [flowLog({ lastKnown: null, slots: new Map() })] }), expect: 'unknown', reason: /^fl-a: its objects name no slot, so nobody can say whether one of that time is missing$/ }, // prettier-ignore
  { name: 'one of two flow logs lacks an object', known: evidence({ flowLogs: [flowLog(), flowLog({ flowLogId: 'fl-b', slots: slots({ 5: null }) })] }), expect: 'unknown', reason: /^fl-b/ }, // prettier-ignore
  { name: 'a flow log that was deleted before has no say', known: evidence({ flowLogs: [flowLog(), flowLog({ flowLogId: 'fl-old', lastSeen: slot(2), slots: new Map() })] }), expect: 'evidence', reason: /^fl-a: every/ }, // prettier-ignore
  { name: 'a flow log that still writes but no longer sees the interface has one', known: evidence({ flowLogs: [flowLog(), flowLog({ flowLogId: 'fl-b', lastSeen: slot(2) })] }), expect: 'unknown' }, // prettier-ignore
  { name: 'a deleted flow log alone says nothing', known: evidence({ flowLogs: [flowLog({ lastSeen: slot(2), slots: new Map() })] }), expect: 'unknown' }, // prettier-ignore
  { name: 'an object every ten minutes stands for its neighbours', known: evidence({ everyS: 600, flowLogs: [flowLog({ slots: slots({ 5: null, 7: null }) })] }), expect: 'evidence' }, // prettier-ignore
]

describe('the absence of flows', () => {
  for (const { name, known, at: time = at, expect, reason } of cases)
    it(`is ${expect} where ${name}`, () => {
      const { verdict, reasons } = judge(time, time, known)
      assert.equal(verdict, expect, reasons.join('\n'))
      if (reason !== undefined) assert.match(reasons[0]!, reason)
    })

  it('is judged slot by slot, and the same reason of slots in a row is one line', () => {
    const known = evidence({
      windowS: 60,
      flowLogs: [flowLog({ slots: slots({ 4: null, 5: null, 6: null, 9: null }), lastKnown: slot(8) })],
    })
    const lines = judgeSlotBySlot(slot(3), slot(12), known).flatMap(range => range.reasons)
    const said = lines.filter(line => line.includes('no object'))
    assert.match(said[0]!, /^fl-a, slots .* 10:20:00 to .* 10:34:59 \(3\): no object$/)
    assert.deepEqual(
      said.slice(1).map(line => line.replace(/\d{4}-\d\d-\d\d /, '')),
      [
        'fl-a, slot 10:45:00: no object',
        'fl-a: no object of a later slot than 10:40:00 is known, so another one of these slots may not have been listed yet',
      ],
    )
  })

  it('is judged slot by slot, and the reason of evidence names the slots of all of it', () => {
    const ended = flowLog({ flowLogId: 'fl-old', lastSeen: slot(0), slots: slots(Object.fromEntries(Array.from({ length: 20 }, (_unused, n) => [n, null]))) }) // prettier-ignore
    const known = evidence({ windowS: 60, flowLogs: [flowLog({ slots: slots({ 14: null }) }), ended] })
    const times = (line: string): string => line.replace(/\d{4}-\d\d-\d\d /g, '')
    const [first, hole, last] = judgeSlotBySlot(slot(3), slot(18), known)
    assert.deepEqual([first?.verdict, hole?.verdict, last?.verdict], ['evidence', 'unknown', 'evidence'])
    // records of the last slot of the range can end in the slot after it
    assert.deepEqual(
      [first?.to, first?.reasons.map(times)],
      [
        slot(13),
        [
          'fl-a: every object of the slots 10:15:00 to 11:09:59 is read, and nothing of it was lost',
          'fl-old wrote nothing in the slots 10:15:00 to 11:09:59; it has records of the interface from 10:00:00 to 10:00:00',
        ],
      ],
    )
    assert.equal(times(last?.reasons[0] ?? ''), 'fl-a: every object of the slots 11:15:00 to 11:34:59 is read, and nothing of it was lost')
  })

  it('is judged slot by slot, and equal neighbours are one range', () => {
    const known = evidence({ flowLogs: [flowLog({ slots: slots({ 9: { ...read, deadLetters: 1 }, 15: null }) })] })
    assert.deepEqual(
      judgeSlotBySlot(slot(4), slot(17), known).map(({ from, to, verdict }) => [(from - base) / 300, (to - base) / 300, verdict]),
      // the last second of a slot reaches 660 s further: three slots
      [
        [4, 6, 'evidence'],
        [6, 10, 'gap'],
        [10, 12, 'evidence'],
        [12, 16, 'unknown'],
        [16, 17, 'evidence'],
      ],
    )
  })
})
