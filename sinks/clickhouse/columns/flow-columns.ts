/**
 * Rows of flows as columns: numbers as they are, everything that repeats as the number of its dictionary entry. 78 bytes a row, so 200,000
 * rows are 15 MB, at most 31 MB because the arrays double; they stay for the next range.
 */
import { optionalNumbers } from '../../../flow/numbers.ts'
import { ByteArena } from './byte-arena.ts'
import { grown } from '../../../flow/typed-arrays.ts'

/** Bytes of a row: 81 in these columns and about 165 in the block that is made of them. */
const rowBytes = 246

/** Bytes of an optional number, in its column and in the block. */
const optionalBytes = 17
const none = new Float64Array(0)

/** A buffer of extra columns that is larger is given back after the insert. */
const keptExtraBytes = 4 * 1024 * 1024

/** Rows that were decoded and are not inserted yet. */
export class FlowColumns {
  rows = 0
  /** Entries: observer, local and remote endpoint, traits, next hop. */
  observer = new Uint32Array(0)
  local = new Uint32Array(0)
  remote = new Uint32Array(0)
  traits = new Uint32Array(0)
  nextHop = new Uint32Array(0)
  direction = new Uint8Array(0)
  directionSource = new Uint8Array(0)
  timeSource = new Uint8Array(0)
  localPort = new Uint16Array(0)
  remotePort = new Uint16Array(0)
  servicePort = new Uint16Array(0)
  servicePortSource = new Uint8Array(0)
  /** Text numbers. */
  serviceName = new Uint32Array(0)
  /** Low and high half of 64 bits. */
  packets = new Uint32Array(0)
  bytes = new Uint32Array(0)
  objectId = new Uint32Array(0)
  start = new Uint32Array(0)
  duration = new Int32Array(0)
  line = new Uint32Array(0)
  /** The bits of `absent` that belong to the row itself. */
  absent = new Uint32Array(0)
  /** Pairs of the column `extra` up to and with each row. */
  extraEnd = new Uint32Array(0)
  /** Pairs so far. */
  extras = 0
  readonly extraKeys = new ByteArena()
  readonly extraValues = new ByteArena()
  /** One column for each of `optionalNumbers`, -1 for none; without a length while no row has a value. */
  readonly optional: Float64Array[] = optionalNumbers.map(() => none)

  /** What the rows take here and in their block. */
  get size(): number {
    return this.rows * (rowBytes + optionalBytes * this.#optionals) + 2 * (this.extraKeys.used + this.extraValues.used)
  }

  /** Optional numbers that some row has. */
  get #optionals(): number {
    return this.optional.reduce((sum, column) => sum + (column.length > 0 ? 1 : 0), 0)
  }

  /** Sets an optional number of a row. Rare, so a column is made when its first value comes. */
  setOptional(number: number, row: number, value: number): void {
    if (this.optional[number]!.length === 0) this.optional[number] = new Float64Array(this.line.length).fill(-1)
    this.optional[number]![row] = value
  }

  /** No row of these has an optional number yet. */
  resetOptional(row: number, rows: number): void {
    for (const column of this.optional) column.fill(-1, row, row + rows)
  }

  /** Makes room for more rows. */
  ensure(more: number): void {
    if (this.rows + more <= this.line.length) return
    const capacity = Math.max(1024, 2 * this.rows, this.rows + more)
    this.observer = grown(this.observer, new Uint32Array(capacity))
    this.local = grown(this.local, new Uint32Array(capacity))
    this.remote = grown(this.remote, new Uint32Array(capacity))
    this.traits = grown(this.traits, new Uint32Array(capacity))
    this.nextHop = grown(this.nextHop, new Uint32Array(capacity))
    this.direction = grown(this.direction, new Uint8Array(capacity))
    this.directionSource = grown(this.directionSource, new Uint8Array(capacity))
    this.timeSource = grown(this.timeSource, new Uint8Array(capacity))
    this.localPort = grown(this.localPort, new Uint16Array(capacity))
    this.remotePort = grown(this.remotePort, new Uint16Array(capacity))
    this.servicePort = grown(this.servicePort, new Uint16Array(capacity))
    this.servicePortSource = grown(this.servicePortSource, new Uint8Array(capacity))
    this.serviceName = grown(this.serviceName, new Uint32Array(capacity))
    this.packets = grown(this.packets, new Uint32Array(2 * capacity))
    this.bytes = grown(this.bytes, new Uint32Array(2 * capacity))
    this.objectId = grown(this.objectId, new Uint32Array(2 * capacity))
    this.start = grown(this.start, new Uint32Array(capacity))
    this.duration = grown(this.duration, new Int32Array(capacity))
    this.line = grown(this.line, new Uint32Array(capacity))
    this.absent = grown(this.absent, new Uint32Array(capacity))
    this.extraEnd = grown(this.extraEnd, new Uint32Array(capacity))
    this.optional.forEach((column, i) => {
      if (column.length === 0) return
      this.optional[i] = new Float64Array(capacity).fill(-1, this.rows)
      this.optional[i].set(column.subarray(0, this.rows))
    })
  }

  /** Forgets the rows, not the memory. */
  clear(): void {
    this.rows = this.extras = 0
    this.optional.fill(none)
    this.extraKeys.clear(keptExtraBytes)
    this.extraValues.clear(keptExtraBytes)
  }
}

const most32 = 0xffff_ffff

/** Stores a number of 64 bits; below 0 is absent and stored as 0. */
export function store64(target: Uint32Array, row: number, value: number): void {
  target[2 * row] = value < 0 ? 0 : value
  target[2 * row + 1] = value > most32 ? Math.floor(value / 0x1_0000_0000) : 0
}
