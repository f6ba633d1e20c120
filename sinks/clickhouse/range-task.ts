/**
 * The task of one input partition: collects records, inserts them as a known range of offsets, exactly once.
 *
 * The range `from-to` and the time of its announcement are committed as metadata of the position before the insert, and the insert carries a
 * token made of them. A new task that finds a range pending collects exactly its records and inserts them again: the server drops what it has.
 * Only then the position moves. Under backlog the commit that ends one range is the one that announces the next. The time makes the token one
 * of this announcement alone: in a topic that was created anew the same offsets are other records.
 *
 * The server remembers a number of tokens, not a time. So a range that was announced long ago is first looked for in the table, and only rows
 * that are not there are inserted; see `freshMs`.
 */
import { FlowError } from '../../runtime/errors.ts'
import { isOver } from '../../runtime/interval.ts'
import type { InBatch } from '../../runtime/records.ts'
import type { Position, Task, TaskContext } from '../../runtime/task.ts'
import { insertDone, insertsFailed, rangesLookedFor, rangesRepeated } from './events.ts'
import type { InsertLane, InsertLanes } from './insert-lanes.ts'
import type { NativeBlock, NativeWriter } from './native-writer.ts'
import type { Store, TableName } from './store.ts'
import type { StoredLooks, StoredPart } from './stored-rows.ts'

/** Part of a range: what goes to one table. */
export interface TableInsert {
  readonly table: TableName
  readonly rows: number
  /** False: repeated rows are the same to the table, so no token is needed. */
  readonly once: boolean
  encode(writer: NativeWriter): NativeBlock
}

/** Rows of the range that is being collected. */
export interface RangeBuffer {
  readonly rows: number
  /** True where the range has to end here, however few its rows are. */
  readonly full: boolean
  /**
   * Takes records with `from` <= offset < `until`, as many as give at most `room` rows, or all (`room` is Infinity) whether it is full or not.
   *
   * @returns Offset after the last record that gave a row; `from` where none did.
   */
  take(batch: InBatch, from: number, until: number, room: number): number
  /** What to insert, in this order. */
  inserts(): TableInsert[]
  /** Leaves out rows that must not stand twice and that the table has. */
  leaveOutStored(looks: StoredLooks, signal: AbortSignal): Promise<StoredPart>
  /** After the insert: forgets the rows. */
  clear(): void
}

/** What the tasks of a role share. */
export interface RangeOptions {
  readonly role: string
  /** Full name of the input topic. */
  readonly topic: string
  readonly store: Store
  readonly lanes: InsertLanes
  readonly looks: StoredLooks
  /** Most rows of a range: the bound of memory. */
  readonly insertRows: number
  readonly insertIntervalMs: number
  /** Parts whose tokens the server remembers. */
  readonly deduplicationWindow: number
}

/**
 * A token is safe this long after its range was announced: the server still remembers it. It remembers a number of parts, so this is one
 * millisecond for each of them: a fifth of what the quickest insert takes (5 to 7 ms with one row, measured), which leaves room for several
 * inserts at once and for the time of the repeated insert itself. 10 s by default.
 *
 * An insert that is later is not made: a successor may have inserted the range and so many others that the server no longer knows the token.
 * A range that a new task finds pending after that time is looked for in the table.
 */
export const freshMs = (deduplicationWindow: number): number => Math.min(30_000, deduplicationWindow)

/**
 * Intervals that a range waits to become full while the rows that fill it are already in the topic. They are late anyway, and the server's
 * work per row grows with the number of inserts: each is a part that must be merged.
 */
const fillIntervals = 10

/** A range of offsets as it is announced: `from-to@ms`, the part of its token that says which one it is. */
interface Announced {
  readonly from: number
  readonly to: number
  readonly text: string
  /** When it was announced; undefined where its text does not say. */
  readonly ms: number | undefined
}

/** A task that brings each record of its partition into the table once. */
export class RangeTask implements Task {
  readonly #context: TaskContext
  readonly #options: RangeOptions
  readonly #buffer: RangeBuffer
  /** First offset of the range: what is committed, or inserted and about to be. */
  #from = 0
  #next = 0
  #pending: Announced | undefined
  /** Time of the first row of the range. */
  #since: number | undefined
  #unsettled = false
  /** Records that are in the topic behind those that were taken. */
  #lag = 0

  constructor(context: TaskContext, options: RangeOptions, buffer: RangeBuffer) {
    this.#context = context
    this.#options = options
    this.#buffer = buffer
  }

  start(position: Position): void {
    this.#from = this.#next = position.offset
    const range = /^(\d+)-(\d+)(?:@(\d+))?$/.exec(position.metadata)
    if (range === null) return
    this.#pending = {
      from: Number(range[1]),
      to: Number(range[2]),
      text: range[0],
      ms: range[3] === undefined ? undefined : Number(range[3]),
    }
    this.#from = this.#next = this.#pending.from
    rangesRepeated.inc({ role: this.#options.role })
    this.#context.log.warn({ from: this.#pending.from, to: this.#pending.to }, 'pending range is inserted again')
  }

  async process(batch: InBatch): Promise<void> {
    this.#lag = batch.lag
    const { insertRows } = this.#options
    for (;;) {
      const pending = this.#pending
      this.#next = this.#buffer.take(
        batch,
        this.#next,
        pending?.to ?? Infinity,
        pending === undefined ? insertRows - this.#buffer.rows : Infinity,
      )
      if (pending !== undefined) {
        // Compaction may have removed the last records of the range: whatever comes after it ends it too.
        if (this.#next < pending.to && batch.nextOffset < pending.to) return
        await this.#insert(pending, await this.#leaveOutStored(pending))
        this.#pending = undefined
      } else {
        if (this.#buffer.rows > 0) this.#since ??= this.#context.nowMs()
        if (this.#buffer.rows < insertRows && !this.#buffer.full) break
        await this.#insertCollected()
      }
    }
    await this.#insertIfDue()
  }

  async tick(): Promise<void> {
    await this.#insertIfDue()
    if (this.#unsettled && this.#buffer.rows === 0) await this.#settle()
  }

  async stop(): Promise<void> {
    if (this.#pending === undefined && this.#buffer.rows > 0) await this.#insertCollected()
    if (this.#unsettled) await this.#settle()
  }

  async #insertIfDue(): Promise<void> {
    if (this.#pending !== undefined || this.#since === undefined) return
    const { insertRows, insertIntervalMs } = this.#options
    const intervals = this.#buffer.rows + this.#lag >= insertRows ? fillIntervals : 1
    if (isOver(this.#since, this.#context.nowMs(), intervals * insertIntervalMs)) await this.#insertCollected()
  }

  async #insertCollected(): Promise<void> {
    const [from, to] = [this.#from, this.#next]
    const ms = this.#context.nowMs()
    await this.#insert({ from, to, ms, text: `${from}-${to}@${ms}` })
  }

  /** Looks for the rows of an old range, unless the server must still know its token. @returns The end of the token. */
  async #leaveOutStored({ from, to, ms }: Announced): Promise<string> {
    const { role, looks, deduplicationWindow } = this.#options
    const rows = this.#buffer.rows
    // a clock that was set back does not say how old it is
    if (rows === 0 || (ms !== undefined && !isOver(ms, this.#context.nowMs(), freshMs(deduplicationWindow)))) return ''
    const { found, broken } = await this.#buffer.leaveOutStored(looks, this.#context.signal)
    rangesLookedFor.inc({ role, found: found === 0 ? 'none' : this.#buffer.rows === 0 ? 'all' : 'some' })
    this.#context.log.warn({ from, to, rows, found }, 'old range was looked for in the table')
    return broken ? ':rest' : ''
  }

  async #insert({ from, to, text }: Announced, tokenEnd = ''): Promise<void> {
    await this.#options.lanes.use(async lane => {
      const announcedMs = this.#context.nowMs()
      await this.#context.commit({ offset: from, metadata: text })
      for (const insert of this.#buffer.inserts()) {
        const nowMs = this.#context.nowMs()
        // a clock that was set back does not say how late it is
        if (isOver(announcedMs, nowMs, freshMs(this.#options.deduplicationWindow)))
          throw new FlowError('RANGE_STALE', { task: this.#context.name, from, to, ms: nowMs - announcedMs })
        await this.#insertInto(lane, insert, `${this.#options.topic}:${this.#context.partition}:${text}${tokenEnd}`)
      }
    })
    this.#buffer.clear()
    this.#from = this.#next = to
    this.#since = undefined
    this.#unsettled = true
    if (this.#lag === 0) await this.#settle()
  }

  async #insertInto(lane: InsertLane, insert: TableInsert, token: string): Promise<void> {
    if (insert.rows === 0) return
    const { table, rows, once } = insert
    const block = insert.encode(lane.writer)
    const startedMs = this.#context.nowMs()
    try {
      await this.#options.store.insert(table, block, once ? token : null)
    } catch (error) {
      insertsFailed.inc({ table })
      throw error
    }
    insertDone(table, rows, block.bytes.length, (this.#context.nowMs() - startedMs) / 1000)
  }

  async #settle(): Promise<void> {
    await this.#context.commit({ offset: this.#from, metadata: '' })
    this.#unsettled = false
  }
}
