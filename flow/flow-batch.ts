/** The flow batch: the rows of one block as columns. Arrays are reused from block to block and grow; only the first `rows` entries count. */
import type { AddressDictionary } from './address-dictionary.ts'
import { addressNames, numberNames, numberPlace, portNames } from './numbers.ts'
import type { ObserverDictionary } from './observer-dictionary.ts'
import type { GroupValues } from './observers.ts'
import type { TraitsDictionary } from './traits-dictionary.ts'
import type { ValueDictionary } from './value-dictionary.ts'
import { grown } from './typed-arrays.ts'

/** Values of the group `nextHop`. */
export type NextHopValues = GroupValues<'nextHop'>

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

/** Dictionaries that the ids of a batch point into. The decoder that fills the batch fills them; valid until the next block is decoded. */
export interface BatchDictionaries {
  readonly observers: ObserverDictionary
  readonly traits: TraitsDictionary
  readonly nextHops: ValueDictionary<NextHopValues>
  readonly extras: ValueDictionary<Record<string, string>>
  readonly addresses: AddressDictionary
}

/** Which columns a decoder fills, in the order of the columns of the batch. */
export interface FilledColumns {
  /** Of `addressNames`. */
  readonly addresses: readonly boolean[]
  /** Of `portNames`. */
  readonly ports: readonly boolean[]
  /** Of `numberNames`. */
  readonly numbers: readonly boolean[]
}

/** A line that cannot be read; the decoder knows the reasons. */
export interface BatchFault {
  /** Line of the object, 1 is its first line. */
  readonly line: number
  readonly reason: string
  /** What was wrong, with the field and the value (at most 100 characters of it). */
  readonly detail: string
  /** The line in the block: first byte and byte after the last one, without the line end. */
  readonly start: number
  readonly end: number
}

/** Columns of NODATA and SKIPDATA records. */
export class GapColumns {
  rows = 0
  line = new Int32Array(16)
  observerId = new Int32Array(16)
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
    this.observerId = grown(this.observerId, new Int32Array(length))
    this.kind = grown(this.kind, new Uint8Array(length))
    this.start = grown(this.start, new Float64Array(length))
    this.end = grown(this.end, new Float64Array(length))
    this.timeSource = grown(this.timeSource, new Uint8Array(length))
  }
}

/**
 * Columns of flow records, and what else the block held: lines = rows + gaps.rows + faults.length + blankLines.
 * Ids are dictionary ids (0: absent), ports and numbers -1 where absent, times Unix seconds.
 */
export class FlowBatch {
  rows = 0
  lines = 0
  blankLines = 0
  faults: BatchFault[] = []
  readonly gaps = new GapColumns()
  dictionaries!: BatchDictionaries

  line = new Int32Array(0)
  observerId = new Int32Array(0)
  traitsId = new Int32Array(0)
  nextHopId = new Int32Array(0)
  extraId = new Int32Array(0)
  /** srcaddr, dstaddr, pkt-srcaddr, pkt-dstaddr. */
  readonly addressIds: Int32Array<ArrayBuffer>[] = addressNames.map(() => new Int32Array(0))
  /** srcport, dstport. */
  readonly ports: Int32Array<ArrayBuffer>[] = portNames.map(() => new Int32Array(0))
  /** packets, bytes, start, end, optional numbers, packets lost (`numberNames`, `numberPlace`). */
  readonly numbers: Float64Array<ArrayBuffer>[] = numberNames.map(() => new Float64Array(0))
  timeSource = new Uint8Array(0)
  direction = new Uint8Array(0)
  directionSource = new Uint8Array(0)
  /** Sides that are not annotated, because they are our own (`plainSide`). */
  plainSides = new Uint8Array(0)
  /** True if some row has such a side; else the column is not filled. */
  hasPlainSides = false
  /** True if some optional number is filled; else no row has one. */
  hasOptionalNumbers = false
  /** True if some counter of lost packets is filled. */
  hasLostPackets = false
  /** What the block proves of its observers (`belief`), by number. Only what direction.ts has filled in counts. */
  believedObservers = new Uint8Array(64)
  /** Port of the service, -1 for none. */
  servicePort = new Int32Array(0)
  servicePortSource = new Uint8Array(0)
  /** Index in the table of services, 0 for none. */
  serviceId = new Int32Array(0)

  /** Columns that hold nothing but this value, so that columns that no decoder fills are filled once, not per block. */
  readonly #blank = new Map<Int32Array | Float64Array, number>()

  /**
   * Empties the batch and makes room. Columns that are not filled get their absent value; the others are undefined.
   *
   * @param capacity Most rows.
   */
  reset(capacity: number, filled: FilledColumns): void {
    this.rows = 0
    this.lines = 0
    this.blankLines = 0
    this.faults = []
    this.gaps.rows = 0
    this.gaps.extra = []
    this.hasPlainSides = false
    const { numbers } = filled
    this.hasOptionalNumbers = numbers.some((isFilled, i) => isFilled && i >= numberPlace.optional && i < numberPlace.lost)
    this.hasLostPackets = numbers.some((isFilled, i) => isFilled && i >= numberPlace.lost)
    if (capacity > this.line.length) this.#allocate(capacity)
    this.addressIds.forEach((column, i) => this.#blankOut(column, filled.addresses[i]!, 0))
    this.ports.forEach((column, i) => this.#blankOut(column, filled.ports[i]!, -1))
    this.numbers.forEach((column, i) => this.#blankOut(column, filled.numbers[i]!, -1))
  }

  #blankOut(column: Int32Array | Float64Array, present: boolean, absent: number): void {
    if (present) this.#blank.delete(column)
    else if (this.#blank.get(column) !== absent || column === this.numbers[numberPlace.start] || column === this.numbers[numberPlace.end]) {
      // start and end are filled in later (times.ts), so they are never known to be blank
      column.fill(absent)
      this.#blank.set(column, absent)
    }
  }

  #allocate(capacity: number): void {
    this.#blank.clear()
    this.line = new Int32Array(capacity)
    this.observerId = new Int32Array(capacity)
    this.traitsId = new Int32Array(capacity)
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
