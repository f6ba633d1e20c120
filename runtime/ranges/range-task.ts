/**
 * The task of one input partition that collects records and brings them to a target as a known range of offsets, exactly once.
 *
 * The range `from-to` and the time of its announcement are committed as metadata of the position before the insert, and the insert carries a
 * token made of them. A new task that finds a range pending collects exactly its records and inserts them again: the target drops what it has.
 * Only then the position moves. Under backlog the commit that ends one range is the one that announces the next.
 *
 * A target may forget tokens. Then a range that was announced long ago is first looked for in it, and only rows that are not there are inserted.
 */
import { FlowError } from '../errors.ts'
import { isOver } from '../wall-clock.ts'
import type { InBatch } from '../records.ts'
import type { Position, Task, TaskContext } from '../task.ts'
import { announce, pendingRange, tokenOf, type AnnouncedRange } from './announced-range.ts'
import type { InsertPace } from './insert-pace.ts'
import type { Lanes } from './lanes.ts'
import type { RangeTarget } from './range-target.ts'

/** What of the rows of an old range the target had. */
export type FoundRows = 'all' | 'some' | 'none'

/** Counts what happens to ranges, under the names of the target's part. */
export interface RangeCounters {
  /** A new task found a range pending and inserts it again. */
  repeated(): void
  /** An old range was looked for. */
  lookedFor(found: FoundRows): void
}

/** What the tasks of a role share. */
export interface RangeOptions<Lane> {
  /** Full name of the input topic: part of the tokens. */
  readonly topic: string
  readonly lanes: Lanes<Lane>
  /** Most rows of a range: the bound of memory. */
  readonly rangeRows: number
  /** When a range is inserted that is not full. */
  readonly pace: InsertPace
  readonly counters: RangeCounters
}

/** Inserts the records of one input partition into a target, range by range. */
export class RangeTask<Lane> implements Task {
  readonly #context: TaskContext
  readonly #options: RangeOptions<Lane>
  readonly #target: RangeTarget<Lane>
  /** First offset of the range: what is committed, or inserted and about to be. */
  #from = 0
  #next = 0
  #pending: AnnouncedRange | undefined
  /** Time of the first row of the range. */
  #since: number | undefined
  #unsettled = false
  /** Records that are in the topic behind those that were taken. */
  #lag = 0

  constructor(context: TaskContext, options: RangeOptions<Lane>, target: RangeTarget<Lane>) {
    this.#context = context
    this.#options = options
    this.#target = target
  }

  start(position: Position): void {
    this.#pending = pendingRange(position.metadata)
    this.#from = this.#next = this.#pending?.from ?? position.offset
    if (this.#pending === undefined) return
    this.#options.counters.repeated()
    this.#context.log.warn({ from: this.#pending.from, to: this.#pending.to }, 'pending range is inserted again')
  }

  async process(batch: InBatch): Promise<void> {
    this.#lag = batch.lag
    const { rangeRows } = this.#options
    for (;;) {
      const pending = this.#pending
      this.#next = this.#target.take(
        batch,
        this.#next,
        pending?.to ?? Infinity,
        pending === undefined ? rangeRows - this.#target.rows : Infinity,
      )
      if (pending !== undefined) {
        // Compaction may have removed the last records of the range: whatever comes after it ends it too.
        if (this.#next < pending.to && batch.nextOffset < pending.to) return
        await this.#insert(pending, await this.#leaveOutStored(pending))
        this.#pending = undefined
      } else {
        if (this.#target.rows > 0) this.#since ??= this.#context.nowMs()
        if (this.#target.rows < rangeRows && !this.#target.full) break
        await this.#insertCollected()
      }
    }
    await this.#insertIfDue()
  }

  async tick(): Promise<void> {
    await this.#insertIfDue()
    if (this.#unsettled && this.#target.rows === 0) await this.#settle()
  }

  async stop(): Promise<void> {
    if (this.#pending === undefined && this.#target.rows > 0) await this.#insertCollected()
    if (this.#unsettled) await this.#settle()
  }

  async #insertIfDue(): Promise<void> {
    if (this.#pending !== undefined || this.#since === undefined) return
    const { rangeRows, pace } = this.#options
    const range = { sinceMs: this.#since, fills: this.#target.rows + this.#lag >= rangeRows }
    if (pace.isDue(this, range, this.#context.nowMs())) await this.#insertCollected()
  }

  async #insertCollected(): Promise<void> {
    await this.#insert(announce(this.#from, this.#next, this.#context.nowMs()))
  }

  /** Looks for the rows of an old range, unless the target must still know its token. @returns True if the token must be one for the rest. */
  async #leaveOutStored(range: AnnouncedRange): Promise<boolean> {
    const { from, to, ms } = range
    const { stored, rows } = this.#target
    if (stored === undefined || rows === 0) return false
    // a clock that was set back does not say how old it is
    if (ms !== undefined && !isOver(ms, this.#context.nowMs(), stored.knownMs)) return false
    const { found, broken } = await stored.leaveOutStored(this.#tokenOf(range), this.#context.signal)
    this.#options.counters.lookedFor(found === 0 ? 'none' : this.#target.rows === 0 ? 'all' : 'some')
    this.#context.log.warn({ from, to, rows, found }, 'old range was looked for before it is inserted again')
    return broken
  }

  async #insert(range: AnnouncedRange, rest = false): Promise<void> {
    const { lanes } = this.#options
    const { from, to, text } = range
    await lanes.use(async lane => {
      const announcedMs = this.#context.nowMs()
      await this.#context.commit({ offset: from, metadata: text })
      await this.#target.insert({ token: this.#tokenOf(range, rest), lane, assertFresh: () => this.#assertFresh(range, announcedMs) })
    })
    this.#target.clear()
    this.#options.pace.inserted(this, this.#context.nowMs())
    this.#from = this.#next = to
    this.#since = undefined
    this.#unsettled = true
    if (this.#lag === 0) await this.#settle()
  }

  #tokenOf(range: AnnouncedRange, rest = false): string {
    return tokenOf(this.#options.topic, this.#context.partition, range, rest)
  }

  /** A successor may have inserted the range, and so many others that the target no longer knows the token. */
  #assertFresh({ from, to }: AnnouncedRange, announcedMs: number): void {
    const { stored } = this.#target
    const nowMs = this.#context.nowMs()
    // a clock that was set back does not say how late it is
    if (stored !== undefined && isOver(announcedMs, nowMs, stored.knownMs))
      throw new FlowError('RANGE_STALE', { task: this.#context.name, from, to, ms: nowMs - announcedMs })
  }

  async #settle(): Promise<void> {
    await this.#context.commit({ offset: this.#from, metadata: '' })
    this.#unsettled = false
  }
}
