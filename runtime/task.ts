/**
 * The contract between a role and what runs it. A role makes one task per input partition. The runtime (runtime/kafka/) calls a task
 * serially and puts it behind a fence; the in-memory driver of the tests calls the very same task without a broker.
 */
import type { Topic, TopicId } from '../schemas/topics.ts'
import type { Codecs } from './avro.ts'
import type { Log } from './log.ts'
import type { SideTable, SideTableSpec } from './side-table.ts'
import type { InBatch, InRecord, OutRecord, OutSlab, PackedRecords } from './records.ts'

/** A committed place in the input partition. */
export interface Position {
  /** Next offset to read. */
  readonly offset: number
  /** What was committed with it; empty for none. At most 4096 bytes. */
  readonly metadata: string
}

/** What one partition of a topic gets. */
export interface OutPart {
  readonly topic: Topic
  readonly partition: number
  readonly records: readonly OutRecord[] | OutSlab | PackedRecords
}

/** What a task may do to the world. Every call can reject; the task then lets the error out, and a new task starts from what is committed. */
export interface TaskContext {
  readonly partition: number
  /** Name for logs: role and partition. */
  readonly name: string
  readonly log: Log
  readonly codecs: Codecs
  /** Ends when the process is to stop. */
  readonly signal: AbortSignal
  /** Partitions of a topic. */
  partitionsOf(topic: Topic): number
  /** Adds records to the open transaction (opens one if needed). Resolves when the broker has them; nothing is visible before `commit`. */
  send(topic: Topic, partition: number, records: OutPart['records']): Promise<void>
  /**
   * Like `send`, for several partitions in one request. Use it for records of more than one partition. Records of a partition keep their order.
   */
  sendAll(parts: readonly OutPart[]): Promise<void>
  /**
   * Frames and compresses records ahead of their `send`, in as many batches as it needs. When it has resolved, their memory is the caller's again.
   *
   * @returns Null if records are sent in another way; they stay what they are. Absent: the same.
   */
  pack?(records: readonly OutRecord[]): Promise<PackedRecords[] | null>
  /**
   * Commits the open transaction, and in it the position. Also commits a position alone.
   *
   * @param position null: the position does not move (a chunk of a large object).
   */
  commit(position: Position | null): Promise<void>
  /**
   * Looks keys up in a compacted topic that the role names in `reads`: in the partition with the number of the task's own, which no other role
   * writes to. Not while the open transaction has records of that topic.
   *
   * @param keys Encoded keys.
   * @returns The newest committed value of each key, in the order of the keys; null if it has none, or a tombstone.
   */
  lookUp(topic: Topic, keys: readonly Buffer[]): Promise<(Buffer | null)[]>
  /**
   * The greatest group of the committed keys of such a topic, as its `groupOfKey` says. Not while the open transaction has records of that topic.
   *
   * @returns undefined if it has no record.
   */
  greatestGroup(topic: Topic): Promise<number | undefined>
  /**
   * A table that the role names in `sideTables`: complete before the task is made, and kept up to date while it works. Never part of a
   * transaction: a batch that is repeated may see a newer table.
   */
  sideTable<T extends TopicId>(topic: T): SideTable<T>
  /** Unix milliseconds. The only clock of a task. */
  nowMs(): number
}

/**
 * Told at named points between two calls, such as `<role>:fenced`, `:sent`, `:before-commit`, `:committed`. Tests of delivery kill the process
 * there.
 */
export type AtPoint = (point: string) => Promise<void> | void

/** The work on one input partition. Calls never overlap. */
export interface Task {
  /** Called for each record of the state partition, oldest first, before `start`. Value null: a tombstone. */
  restore?(record: InRecord): void
  /** Called once, after fence and restore, with the committed position. */
  start?(position: Position): Promise<void> | void
  /** Takes the next records. A task commits when its own policy says so, here or in `tick`. */
  process(batch: InBatch): Promise<void>
  /** Called about every 50 ms between batches. */
  tick?(): Promise<void>
  /** Planned stop: commit what is ready, or drop it; it comes again. */
  stop?(): Promise<void>
}

/** What a role is, before anything is built: its name and its topics. */
export interface RoleShape<Name extends string = string> {
  readonly name: Name
  /** Consumer group and transactional ids, behind the deployment; default: the name. */
  readonly group?: string
  /** Input topic; one task per partition. */
  readonly from: TopicId
  /** Topic that is restored before the first record; same partitions as the input. */
  readonly state?: TopicId
  readonly to: readonly TopicId[]
  /**
   * Compacted topics that the tasks only read, as tables in memory (whole topics, shared by all tasks of the process): what is known of an
   * address, a prefix, a rule.
   */
  readonly sideTables?: readonly SideTableSpec[]
  /**
   * Compacted topics of the role's own that its tasks look keys up in, one question at a time; same partitions as the input. For what a task
   * writes itself and does not fit in memory.
   */
  readonly reads?: readonly TopicId[]
  /** The input is handed over as slabs (hot topics) instead of records. */
  readonly slabs?: boolean
  /** The tasks refer to nothing of a batch once `process` has resolved: its memory is given back at once, not by the garbage collector. */
  readonly copies?: boolean
}

/** A role that consumes: its shape, and how to make a task. */
export interface Role extends RoleShape {
  /** Builds the task of a partition; opens nothing. */
  createTask(context: TaskContext): Task
}

/** What a source is, before anything is built. */
export interface SourceShape<Name extends string = string> {
  readonly name: Name
  /** Consumer group, behind the deployment; default: the name. */
  readonly group?: string
  readonly to: readonly TopicId[]
  /** The members of the source's group share the partitions of this topic; each runs the shards of its partitions. */
  readonly shardBy: TopicId
}

/** A source without input topic: shared among processes by the partitions of a topic it writes to. */
export interface Source extends SourceShape {
  /** Runs the given shard until the signal ends. Duplicates between two owners are harmless. */
  runShard(context: SourceContext): Promise<void>
}

/** What a source shard may do. */
export interface SourceContext {
  readonly shard: number
  readonly shards: number
  readonly name: string
  readonly log: Log
  readonly codecs: Codecs
  readonly signal: AbortSignal
  partitionsOf(topic: Topic): number
  /** Writes records durably (acks=all). */
  send(topic: Topic, partition: number, records: readonly OutRecord[]): Promise<void>
  nowMs(): number
}
