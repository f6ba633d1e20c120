/**
 * Rows of flows as columns: numbers as they are, everything that repeats as the number of its dictionary entry. 78 bytes a row, so 200,000
 * rows are 15 MB, at most 31 MB because the arrays double; they stay for the next range.
 */
import { ByteArena } from './byte-arena.ts'
import { grown } from './span-dictionary.ts'

/** Bytes of a row: 81 in these columns and about 165 in the block that is made of them. */
const rowBytes = 246

/** A buffer of extra columns that is larger is given back after the insert. */
const keptExtraBytes = 4 * 1024 * 1024

/** One typed array for each column of a flow, filled up to `rows`. */
export class FlowColumns {
  rows = 0
  /** Entries: context, local and remote endpoint, class, next hop. */
  context = new Uint32Array(0)
  local = new Uint32Array(0)
  remote = new Uint32Array(0)
  flowClass = new Uint32Array(0)
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

  /** What the rows take here and in their block. */
  get size(): number {
    return this.rows * rowBytes + 2 * (this.extraKeys.used + this.extraValues.used)
  }

  /** Makes room for more rows. */
  ensure(more: number): void {
    if (this.rows + more <= this.line.length) return
    const capacity = Math.max(1024, 2 * this.rows, this.rows + more)
    this.context = grown(this.context, new Uint32Array(capacity))
    this.local = grown(this.local, new Uint32Array(capacity))
    this.remote = grown(this.remote, new Uint32Array(capacity))
    this.flowClass = grown(this.flowClass, new Uint32Array(capacity))
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
  }

  /** Forgets the rows, not the memory. */
  clear(): void {
    this.rows = this.extras = 0
    this.extraKeys.clear(keptExtraBytes)
    this.extraValues.clear(keptExtraBytes)
  }
}
