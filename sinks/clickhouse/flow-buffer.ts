/** The flows of a range: decoded to columns, encoded as one block, with the observers that are new before them. */
import type { StoredPart } from '../../runtime/ranges/range-target.ts'
import type { InBatch } from '../../runtime/records.ts'
import { FlowDecoder, type FlowCodec } from './columns/flow-decoder.ts'
import { keepRows } from './columns/keep-rows.ts'
import { recordsResolved, valuesUnfit } from './metrics.ts'
import { FlowBlockEncoder, observerBlock } from './flow-block.ts'
import { placesByDay, type StoredLooks } from './stored-rows.ts'
import type { RowBuffer, TableInsert } from './table-target.ts'

/**
 * Entries of a dictionary that a task keeps from range to range. An endpoint takes about 200 bytes, so a task holds at most 13 MB of them
 * between ranges and, where no address repeats, 200 bytes more for each address of the range it collects.
 */
const maxEntries = 65_536

/** Share of `insertBytes` that the dictionaries may keep from range to range: the rest is for the rows of the next one. */
const keptShare = 1 / 4

/**
 * Days that an insert may have. Each is a part: the server writes 40 to 50 of them a second, and what it remembers of inserts to drop a
 * repetition is counted in parts. Only logs with made-up times come near it.
 */
const mostDays = 366

const dayOf = (start: number): number => Math.floor(start / 86_400)

/** Collects flows in columns, and the contexts that they refer to. */
export class FlowBuffer implements RowBuffer {
  readonly #decoder: FlowDecoder
  readonly #encoder = new FlowBlockEncoder()
  readonly #mostBytes: number
  #resolved = 0
  #unfit = 0

  /** @param mostBytes Setting `clickhouse.insertBytes`. */
  constructor(codec: FlowCodec, mostBytes: number) {
    this.#decoder = new FlowDecoder(codec, maxEntries, mostBytes * keptShare)
    this.#mostBytes = mostBytes
  }

  get rows(): number {
    return this.#decoder.columns.rows
  }

  get full(): boolean {
    return this.#decoder.days.size >= mostDays || (this.rows > 0 && this.#decoder.size >= this.#mostBytes)
  }

  take(batch: InBatch, from: number, until: number, room: number): number {
    const decoder = this.#decoder
    const most = this.rows + room
    // A range that was announced is taken whole.
    const whole = room === Infinity
    const days = whole ? Infinity : mostDays
    const bytes = whole ? Infinity : this.#mostBytes
    const ended = (): boolean => this.rows >= most || (!whole && this.full)
    let next = from
    for (const slab of batch.slabs) {
      if (ended()) break
      if (slab.nextOffset > next) next = decoder.takeSlab(slab, next, until, most - this.rows, days, bytes)
      if (slab.nextOffset >= until) break
    }
    for (const record of batch.records) {
      if (record.offset < next || record.value === null) continue
      if (record.offset >= until || ended()) break
      decoder.takeValue(record.value)
      next = record.offset + 1
    }
    return next
  }

  inserts(): TableInsert[] {
    const decoder = this.#decoder
    const { fresh } = decoder.observers
    return [
      // An observer that a repeated range brings again is equal to the one that is there: no token, so that none is ever missing.
      { table: 'interfaces', rows: fresh.length, once: false, encode: writer => observerBlock(writer, fresh) },
      { table: 'flows', rows: this.rows, once: true, encode: writer => this.#encoder.encode(writer, decoder) },
    ]
  }

  async leaveOutStored(looks: StoredLooks, signal: AbortSignal): Promise<StoredPart> {
    const { columns } = this.#decoder
    const { rows, line, start } = columns
    const objects = new BigUint64Array(columns.objectId.buffer, columns.objectId.byteOffset, rows)
    const places = placesByDay(Array.from(objects, (object, row) => [start[row]!, object, String(line[row])] as const))
    const stored = await looks.find({ table: 'flows', row: 'toString(line)', places }, signal)
    const wanted = Uint8Array.from({ length: rows }, (_, row) => (stored.take(objects[row]!, String(line[row])) ? 0 : 1))
    const found = wanted.reduce((sum, isWanted) => sum + 1 - isWanted, 0)
    if (found === 0) return { found, broken: false }
    const absentDays = new Set<number>()
    wanted.forEach((isWanted, row) => {
      if (isWanted === 1) absentDays.add(dayOf(start[row]!))
    })
    const broken = wanted.some((isWanted, row) => isWanted === 0 && absentDays.has(dayOf(start[row]!)))
    keepRows(columns, wanted)
    return { found, broken }
  }

  clear(): void {
    const { resolved, unfit } = this.#decoder
    recordsResolved.inc(resolved - this.#resolved)
    valuesUnfit.inc(unfit - this.#unfit)
    this.#resolved = resolved
    this.#unfit = unfit
    this.#decoder.clear()
  }
}
