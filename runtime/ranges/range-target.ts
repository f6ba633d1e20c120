/** What a range of records is inserted into: tables of a database, files in a folder. */
import type { InBatch } from '../records.ts'

/** What of a range was found. */
export interface StoredPart {
  /** Rows that were left out, because the target has them. */
  readonly found: number
  /**
   * Something that the target keeps as a whole (all rows of a day of a table) has only a part of its rows. The rest is inserted with a token of
   * its own: the target may still know the first one, and would drop the rest.
   */
  readonly broken: boolean
}

/** One insertion of what was collected. */
export interface RangeInsert<Lane> {
  /** Names the range and its announcement: `topic:partition:from-to@ms`. A repetition has the same token, and no other range has it. */
  readonly token: string
  /** Right of way among the inserts of the process, with what belongs to it. */
  readonly lane: Lane
  /**
   * To be called before each write.
   *
   * @throws FlowError RANGE_STALE if the announcement is so old that another task may have inserted the range, and the target forgotten it.
   */
  readonly assertFresh: () => void
}

/** What a target that forgets tokens can do when one may be forgotten. */
export interface StoredLook {
  /** A token is surely known for so many milliseconds after its range was announced. */
  readonly knownMs: number
  /**
   * Leaves out of what was collected the rows that must not stand twice and that the target has.
   *
   * @param token With which they may have been inserted: the name of a file that may be there.
   */
  leaveOutStored(token: string, signal: AbortSignal): Promise<StoredPart>
}

/**
 * Where the records of one input partition go, collected range by range. Calls never overlap.
 *
 * A target keeps one promise: of several inserts with one token, one counts, from whatever process they come. A file has it by its name: written beside its
 * place and renamed, a second one replaces its equal. A database has it by what it remembers; one that forgets says for how long it knows
 * a token, and how to look.
 */
export interface RangeTarget<Lane = undefined> {
  /** Rows that are collected. */
  readonly rows: number
  /** True if the range has to end here, however few its rows are. */
  readonly full: boolean
  /**
   * Takes records with `from` <= offset < `until`, as many as give at most `room` rows, or all (`room` is Infinity) whether it is full or not.
   *
   * @returns Offset after the last record that gave a row; `from` if none did.
   */
  take(batch: InBatch, from: number, until: number, room: number): number
  /** Inserts what is collected. Called with no rows too, if a range has none: then nothing need be written. */
  insert(insert: RangeInsert<Lane>): Promise<void>
  /** Absent: a token is known for ever. */
  readonly stored?: StoredLook
  /** After the insert: forgets the rows. */
  clear(): void
}
