/** The flow batch: the rows of one block as columns. Arrays are reused from block to block and grow; only the first `rows` entries count. */
import type { AddressDictionary } from './address-dictionary.ts'
import type { ClassDictionary } from './class-dictionary.ts'
import { addressNames, numberNames, portNames, type ColumnPlan } from './column-plan.ts'
import type { ContextDictionary } from './context-dictionary.ts'
import type { LineFault } from './line-faults.ts'
import type { TextDictionary } from './text-dictionaries.ts'
import type { NextHopRecord } from '../../../schemas/flow-record.ts'

/** Values of `timeSource`, those of the Avro enum first; `start` and `end` are `none` in the record, and its `timeKept` in that order. */
export const timeSource = { none: 0, logged: 1, slot: 2, start: 3, end: 4 } as const
/** Values of `direction`, in the order of the Avro enum. */
export const direction = { unknown: 0, ingress: 1, egress: 2 } as const
/** Values of `directionSource`, those of the Avro enum first; `ownNetwork` is `inferred` in the record, and its `directionBy` says it. */
export const directionSource = { none: 0, logged: 1, inferred: 2, inferredCount: 3, ownNetwork: 4 } as const
/** Bits of `believedObservers`: the block proves what is inferred, or what networks without `vpcs` claim. */
export const belief = { inferred: 1, network: 2 } as const
/** Values of `servicePortSource`: null, then those of the Avro enum. */
export const servicePortSource = { none: 0, tcpFlags: 1, inferred: 2 } as const
/** Bits of `plainSides`. */
export const plainSide = { source: 1, destination: 2 } as const

/** Dictionaries that the ids of a batch point into; valid until the next block is parsed. */
export interface BatchDictionaries {
  readonly contexts: ContextDictionary
  readonly classes: ClassDictionary
  readonly nextHops: TextDictionary<NextHopRecord>
  readonly extras: TextDictionary<Record<string, string>>
  readonly addresses: AddressDictionary
}

/** Columns of NODATA and SKIPDATA records. */
export class GapColumns {
  rows = 0
  line = new Int32Array(16)
  contextId = new Int32Array(16)
  /** 1 NODATA, 2 SKIPDATA (`rowKind`). */
  kind = new Uint8Array(16)
  /** Unix seconds, -1 where absent. */
  start = new Float64Array(16)
  end = new Float64Array(16)
  timeSource = new Uint8Array(16)
  /** Values of the line that have no column here, by the name of their column; null for none. */
  extra: (Readonly<Record<string, string>> | null)[] = []

  ensure(rows: number): void {
    if (rows <= this.line.length) return
    const length = 2 * rows
    this.line = grown(this.line, new Int32Array(length))
    this.contextId = grown(this.contextId, new Int32Array(length))
    this.kind = grown(this.kind, new Uint8Array(length))
    this.start = grown(this.start, new Float64Array(length))
    this.end = grown(this.end, new Float64Array(length))
    this.timeSource = grown(this.timeSource, new Uint8Array(length))
  }
}

function grown<T extends Int32Array | Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/**
 * Columns of flow records, and what else the block held: lines = rows + gaps.rows + faults.length + blankLines.
 * Ids are dictionary ids (0: absent), ports and numbers -1 where absent, times Unix seconds.
 */
export class FlowBatch {
  rows = 0
  lines = 0
  blankLines = 0
  faults: LineFault[] = []
  readonly gaps = new GapColumns()
  dictionaries!: BatchDictionaries

  line = new Int32Array(0)
  contextId = new Int32Array(0)
  classId = new Int32Array(0)
  nextHopId = new Int32Array(0)
  extraId = new Int32Array(0)
  /** srcaddr, dstaddr, pkt-srcaddr, pkt-dstaddr. */
  readonly addressIds: Int32Array<ArrayBuffer>[] = addressNames.map(() => new Int32Array(0))
  /** srcport, dstport. */
  readonly ports: Int32Array<ArrayBuffer>[] = portNames.map(() => new Int32Array(0))
  /** packets, bytes, start, end, packets lost (no route, black hole, MTU, TTL). */
  readonly numbers: Float64Array<ArrayBuffer>[] = numberNames.map(() => new Float64Array(0))
  timeSource = new Uint8Array(0)
  direction = new Uint8Array(0)
  directionSource = new Uint8Array(0)
  /** Sides that are not annotated, because they are our own (`plainSide`). */
  plainSides = new Uint8Array(0)
  /** True where some row has such a side; else the column is not filled. */
  hasPlainSides = false
  /** What the block proves of its observers (`belief`), by number. Only what direction.ts has filled in counts. */
  believedObservers = new Uint8Array(64)
  /** Port of the service, -1 for none. */
  servicePort = new Int32Array(0)
  servicePortSource = new Uint8Array(0)
  /** Index in the table of services, 0 for none. */
  serviceId = new Int32Array(0)

  /** Columns that hold nothing but this value, so that columns missing from the plan are filled once, not per block. */
  readonly #blank = new Map<Int32Array | Float64Array, number>()

  /**
   * Empties the batch and makes room. Columns that the plan does not have are filled with their absent value; the others are undefined.
   */
  reset(capacity: number, plan: ColumnPlan): void {
    this.rows = 0
    this.lines = 0
    this.blankLines = 0
    this.faults = []
    this.gaps.rows = 0
    this.gaps.extra = []
    this.hasPlainSides = false
    if (capacity > this.line.length) this.#allocate(capacity)
    addressNames.forEach((name, i) => this.#blankOut(this.addressIds[i]!, plan.has(name), 0))
    portNames.forEach((name, i) => this.#blankOut(this.ports[i]!, plan.has(name), -1))
    numberNames.forEach((name, i) => this.#blankOut(this.numbers[i]!, plan.has(name), -1))
  }

  #blankOut(column: Int32Array | Float64Array, present: boolean, absent: number): void {
    if (present) this.#blank.delete(column)
    else if (this.#blank.get(column) !== absent || column === this.numbers[2] || column === this.numbers[3]) {
      // start and end are filled in later (times.ts), so they are never known to be blank
      column.fill(absent)
      this.#blank.set(column, absent)
    }
  }

  #allocate(capacity: number): void {
    this.#blank.clear()
    this.line = new Int32Array(capacity)
    this.contextId = new Int32Array(capacity)
    this.classId = new Int32Array(capacity)
    this.nextHopId = new Int32Array(capacity)
    this.extraId = new Int32Array(capacity)
    for (let i = 0; i < this.addressIds.length; i++) this.addressIds[i] = new Int32Array(capacity)
    for (let i = 0; i < this.ports.length; i++) this.ports[i] = new Int32Array(capacity)
    for (let i = 0; i < this.numbers.length; i++) this.numbers[i] = new Float64Array(capacity)
    this.timeSource = new Uint8Array(capacity)
    this.direction = new Uint8Array(capacity)
    this.directionSource = new Uint8Array(capacity)
    this.plainSides = new Uint8Array(capacity)
    this.servicePort = new Int32Array(capacity)
    this.servicePortSource = new Uint8Array(capacity)
    this.serviceId = new Int32Array(capacity)
  }

  /** True end of the conversation: the packet address where present, else the address. */
  trueSource(row: number): number {
    return this.addressIds[2]![row]! || this.addressIds[0]![row]!
  }

  trueDestination(row: number): number {
    return this.addressIds[3]![row]! || this.addressIds[1]![row]!
  }
}
