/** The roles that fill ClickHouse: one per input topic, each with its table. */
import { InsertPace } from '../../runtime/ranges/insert-pace.ts'
import { Lanes } from '../../runtime/ranges/lanes.ts'
import { RangeTask, type FoundRows } from '../../runtime/ranges/range-task.ts'
import type { InRecord } from '../../runtime/records.ts'
import type { Role, RoleShape, TaskContext } from '../../runtime/task.ts'
import { topicName, topics } from '../../schemas/topics.ts'
import { FlowBuffer } from './flow-buffer.ts'
import { rangesLookedFor, rangesRepeated } from './metrics.ts'
import { NativeWriter } from './native-writer.ts'
import { RecordBuffer } from './record-buffer.ts'
import {
  deadLetterTable,
  gapTable,
  objectTable,
  replayTable,
  runTable,
  type DeadLetterRow,
  type ObjectRow,
  type ReplayRow,
  type RunRow,
} from './row-tables.ts'
import type { Store } from './store.ts'
import { StoredLooks } from './stored-rows.ts'
import { TableTarget, type RowBuffer } from './table-target.ts'

/** What the roles need. */
export interface ClickHouseOptions {
  /** Where to insert; migrate it first (migrate.ts). The caller closes it after the roles have ended. */
  readonly store: Store
  /** Setting `kafka.topicPrefix`: full topic names are part of the insert tokens. */
  readonly topicPrefix: string
  /** Setting `clickhouse.insertRows`. */
  readonly insertRows: number
  /** Setting `clickhouse.insertBytes`. */
  readonly insertBytes?: number
  /** Setting `clickhouse.insertIntervalMs`. */
  readonly insertIntervalMs: number
  /** Setting `clickhouse.deduplicationWindow`. */
  readonly deduplicationWindow?: number
}

/**
 * Inserts under way in a process. A flow is about 165 bytes in a block: 33 MB for 200,000, at most 66 MB a lane, because buffers double.
 * `insertBytes` bounds what is larger.
 */
const lanes = 2

/**
 * The roles: one for each table, from its topic. They write to no topic. Their groups have the names that the roles once had: under another one
 * each would lose its position, and no process of an older version would be fenced.
 */
export const clickhouseRoles = [
  { name: 'clickhouse-flows', group: 'sink-flows', from: 'flows', to: [], slabs: true, copies: true },
  { name: 'clickhouse-gaps', group: 'sink-gaps', from: 'flowGaps', to: [] },
  { name: 'clickhouse-runs', group: 'sink-runs', from: 'cloudMapRuns', to: [] },
  { name: 'clickhouse-objects', group: 'sink-objects', from: 'objects', to: [] },
  { name: 'clickhouse-dead-letters', group: 'sink-dead-letters', from: 'deadLetters', to: [] },
  { name: 'clickhouse-replays', group: 'sink-replays', from: 'deadLetterReplays', to: [] },
] as const satisfies readonly RoleShape[]

type ClickHouseRoleName = (typeof clickhouseRoles)[number]['name']

/** Makes the roles of `clickhouseRoles`. Opens nothing. */
export function createClickHouseRoles(options: ClickHouseOptions): Role[] {
  const { store, insertRows, insertBytes = 134_217_728, insertIntervalMs, deduplicationWindow = 10_000 } = options
  const inserts = new Lanes(lanes, () => new NativeWriter())
  const looks = new StoredLooks(store)
  const role = (name: ClickHouseRoleName, createBuffer: (context: TaskContext) => RowBuffer): Role => {
    const shape = clickhouseRoles.find(each => each.name === name)!
    const counters = {
      repeated: () => rangesRepeated.inc({ role: name }),
      lookedFor: (found: FoundRows) => rangesLookedFor.inc({ role: name, found }),
    }
    const pace = new InsertPace(insertIntervalMs)
    const createTask: Role['createTask'] = context => {
      const topic = topicName(options.topicPrefix, topics[shape.from])
      return new RangeTask(
        context,
        { topic, lanes: inserts, rangeRows: insertRows, pace, counters },
        new TableTarget(createBuffer(context), { store, looks, deduplicationWindow, nowMs: () => context.nowMs() }),
      )
    }
    return { ...shape, createTask }
  }
  return [
    role('clickhouse-flows', ({ codecs }) => new FlowBuffer(codecs.flows, insertBytes)),
    role(
      'clickhouse-gaps',
      ({ codecs }) => new RecordBuffer(gapTable, record => withValue(record, value => codecs.flowGaps.decodeValue(value)), insertBytes),
    ),
    role('clickhouse-runs', ({ codecs }) => {
      const decode = (record: InRecord): RunRow | undefined => {
        if (record.key === null) return undefined
        const run = record.value === null ? null : codecs.cloudMapRuns.decodeValue(record.value)
        return { key: codecs.cloudMapRuns.decodeKey(record.key), run, offset: record.offset }
      }
      return new RecordBuffer(runTable, decode, insertBytes)
    }),
    role('clickhouse-objects', ({ codecs }) => {
      const decode = (record: InRecord): ObjectRow | undefined =>
        withKeyAndValue(record, (key, value) => ({
          key: codecs.objects.decodeKey(key),
          ledger: codecs.objects.decodeValue(value),
          offset: record.offset,
        }))
      return new RecordBuffer(objectTable, decode, insertBytes)
    }),
    role('clickhouse-dead-letters', ({ codecs }) => {
      const decode = (record: InRecord): DeadLetterRow | undefined =>
        withKeyAndValue(record, (key, value) => ({
          key: codecs.deadLetters.decodeKey(key),
          letter: codecs.deadLetters.decodeValue(value),
          recordedMs: record.timestampMs,
        }))
      return new RecordBuffer(deadLetterTable, decode, insertBytes)
    }),
    role('clickhouse-replays', ({ codecs }) => {
      const decode = (record: InRecord): ReplayRow | undefined =>
        withKeyAndValue(record, (key, value) => ({
          key: codecs.deadLetterReplays.decodeKey(key),
          replay: codecs.deadLetterReplays.decodeValue(value),
          recordedMs: record.timestampMs,
        }))
      return new RecordBuffer(replayTable, decode, insertBytes)
    }),
  ]
}

const withValue = <R>(record: InRecord, read: (value: Buffer) => R): R | undefined =>
  record.value === null ? undefined : read(record.value)

const withKeyAndValue = <R>(record: InRecord, read: (key: Buffer, value: Buffer) => R): R | undefined =>
  record.key === null || record.value === null ? undefined : read(record.key, record.value)
