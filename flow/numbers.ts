/** Numbers of a row: counters, times and their millisecond parts. Each is a column of the batch; -1 is absent. */
import { flowFields, type FlowField } from './fields.ts'

/** Group of counters that the table `flows` keeps in `extra`: only transit gateways write them, and rarely. */
export const lostGroup = 'packetsLost'

/** Counters that every record has a place for, and times: the row kernels know each of them. */
const known = ['packets', 'bytes', 'start', 'end'] as const

/** A number that most records do not have: a column of the table `flows` that a block has only if some row of it has a value. */
export interface OptionalNumber {
  /** Field of the record. */
  readonly record: string
  /** Avro type. */
  readonly type: 'int' | 'long'
  readonly doc: string
  /** Column of the table `flows`. */
  readonly column: string
  readonly stored: 'Nullable(UInt16)' | 'Nullable(UInt64)'
  /** Largest value. */
  readonly most: number
  /** Documented field, if the text of a log can have it. */
  readonly field: FlowField | null
}

const most53 = Number.MAX_SAFE_INTEGER - 1

const milliseconds = [
  {
    record: 'startMs',
    type: 'int',
    doc: 'milliseconds within the second of `start`; null: the log has whole seconds',
    column: 'start_ms',
    stored: 'Nullable(UInt16)',
    most: 999,
    field: null,
  },
  {
    record: 'endMs',
    type: 'int',
    doc: 'milliseconds within the second of `end`; null: the log has whole seconds',
    column: 'end_ms',
    stored: 'Nullable(UInt16)',
    most: 999,
    field: null,
  },
] as const satisfies readonly OptionalNumber[]

type CounterRow = Extract<(typeof flowFields)[number], { role: 'counter' }>
/** Counters beyond those that the row kernels know. */
export type FurtherCounter = Exclude<CounterRow['record'], 'packets' | 'bytes' | `${string}.${string}`>

const counters: readonly FlowField[] = flowFields.filter(({ role }) => role === 'counter')
const further = counters
  .filter(({ record }) => !record.includes('.') && !(known as readonly string[]).includes(record))
  .map((field): OptionalNumber => ({
    record: field.record,
    type: 'long',
    doc: `${field.name}: ${field.doc}`,
    column: field.name.replaceAll('-', '_'),
    stored: 'Nullable(UInt64)',
    most: most53,
    field,
  }))

/** Numbers that most records do not have, in the order of the record. */
export const optionalNumbers: readonly OptionalNumber[] = [...milliseconds, ...further]

/** Counters of lost packets, in the order of their group. */
export const lostCounters: readonly FlowField[] = counters.filter(({ record }) => record.startsWith(`${lostGroup}.`))

/** Number columns of a batch, in order: what the kernels know, optional numbers, lost packets. Names of fields, else of the record. */
export const numberNames: readonly string[] = [
  ...known,
  ...optionalNumbers.map(({ field, record }) => field?.name ?? record),
  ...lostCounters.map(({ name }) => name),
]

/** Places in `numberNames`. */
export const numberPlace = {
  packets: 0,
  bytes: 1,
  start: 2,
  end: 3,
  startMs: 4,
  endMs: 5,
  optional: 4,
  lost: 4 + optionalNumbers.length,
} as const

/** Names of the port columns of a batch. */
export const portNames = ['srcport', 'dstport'] as const
/** Names of the address columns of a batch. */
export const addressNames = ['srcaddr', 'dstaddr', 'pkt-srcaddr', 'pkt-dstaddr'] as const
