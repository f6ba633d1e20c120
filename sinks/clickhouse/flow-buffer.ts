/** The flows of a range: decoded to columns, encoded as one block, with the contexts that are new before them. */
import type { InBatch } from '../../runtime/records.ts'
import { FlowDecoder, type FlowCodec } from './columns/flow-decoder.ts'
import { recordsResolved, valuesUnfit } from './events.ts'
import { contextBlock, FlowBlockEncoder } from './flow-block.ts'
import type { RangeBuffer, TableInsert } from './range-task.ts'

/**
 * Entries of a dictionary that a task keeps from range to range. An endpoint takes about 200 bytes, so a task holds at most 13 MB of them
 * between ranges and, where no address repeats, 200 bytes more for each address of the range it collects.
 */
const maxEntries = 65_536

/**
 * Days that an insert may have. Each is a part: the server writes 40 to 50 of them a second, and what it remembers of inserts to drop a
 * repetition is counted in parts. Only logs with made-up times come near it.
 */
const mostDays = 366

/** See the head of this file. */
export class FlowBuffer implements RangeBuffer {
  readonly #decoder: FlowDecoder
  readonly #encoder = new FlowBlockEncoder()
  #resolved = 0
  #unfit = 0

  constructor(codec: FlowCodec) {
    this.#decoder = new FlowDecoder(codec, maxEntries)
  }

  get rows(): number {
    return this.#decoder.columns.rows
  }

  get full(): boolean {
    return this.#decoder.days.size >= mostDays
  }

  take(batch: InBatch, from: number, until: number, room: number): number {
    const most = this.rows + room
    // A range that was announced is taken whole.
    const days = room === Infinity ? Infinity : mostDays
    const ended = (): boolean => this.rows >= most || this.#decoder.days.size >= days
    let next = from
    for (const slab of batch.slabs) {
      if (ended()) break
      if (slab.nextOffset > next) next = this.#decoder.takeSlab(slab, next, until, most - this.rows, days)
      if (slab.nextOffset >= until) break
    }
    for (const record of batch.records) {
      if (record.offset < next || record.value === null) continue
      if (record.offset >= until || ended()) break
      this.#decoder.takeValue(record.value)
      next = record.offset + 1
    }
    return next
  }

  inserts(): TableInsert[] {
    const decoder = this.#decoder
    const { fresh } = decoder.contexts
    return [
      // A context that a repeated range brings again is equal to the one that is there: no token, so that none is ever missing.
      { table: 'interfaces', rows: fresh.length, once: false, encode: writer => contextBlock(writer, fresh) },
      { table: 'flows', rows: this.rows, once: true, encode: writer => this.#encoder.encode(writer, decoder) },
    ]
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
