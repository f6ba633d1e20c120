/**
 * Where the newest record of each key of a compacted partition stands, by groups of keys. Of every group it is known in which pieces of the
 * partition its records stand; the offsets of single keys are kept for as many groups as there is room for, those that were used last.
 */
import { KeyIndex } from './key-index.ts'

/** Offsets of one piece of the partition: a power of two. */
const pieceBits = 14
const pieceOffsets = 2 ** pieceBits

interface Group {
  /** Pieces that have records of the group, as bits. */
  pieces: Uint32Array
  /** undefined: there was no room for it. */
  keys: KeyIndex | undefined
}

/** A piece of the partition: offsets from `first` to before `end`. */
export interface Piece {
  readonly first: number
  readonly end: number
}

/** Groups and their keys; bounded in keys, and by a bit for each group and piece. */
export class GroupIndex {
  readonly #start: number
  readonly #most: number
  /** In the order of their last use. */
  readonly #groups = new Map<number, Group>()
  #used: Group | undefined
  #size = 0
  #greatest: number | undefined

  /**
   * @param start First offset of the partition.
   * @param most Keys whose offsets are kept, at most.
   */
  constructor(start: number, most: number) {
    this.#start = start
    this.#most = most
  }

  /** Keys whose offsets are kept. */
  get size(): number {
    return this.#size
  }

  /** The greatest group that has a record; undefined if there is none. */
  get greatest(): number | undefined {
    return this.#greatest
  }

  /** Notes a record that is newer than all before. */
  add(group: number, key: Buffer, offset: number): void {
    const known = this.#groups.get(group) ?? { pieces: new Uint32Array(1), keys: new KeyIndex() }
    if (this.#greatest === undefined || group > this.#greatest) this.#greatest = group
    mark(known, Math.floor((offset - this.#start) / pieceOffsets))
    this.#use(group, known)
    this.#set(known, key, offset)
  }

  /** Offset of the newest record of a key; null if it has none; undefined if the keys of its group are not kept. */
  find(group: number, key: Buffer): number | null | undefined {
    const known = this.#groups.get(group)
    if (known === undefined) return null
    if (known.keys === undefined) return undefined
    this.#use(group, known)
    return known.keys.get(key) ?? null
  }

  /** The pieces of the partition that have records of some groups, in order; neighbours are one. */
  piecesOf(groups: ReadonlySet<number>): Piece[] {
    const all = { pieces: new Uint32Array(1) }
    for (const group of groups) {
      const { pieces } = this.#groups.get(group) ?? all
      if (pieces.length > all.pieces.length) all.pieces = longer(all.pieces, pieces.length)
      for (const [i, bits] of pieces.entries()) all.pieces[i]! |= bits
    }
    const found: { first: number; end: number }[] = []
    for (let piece = 0; piece < 32 * all.pieces.length; piece++) {
      if ((all.pieces[piece >>> 5]! & (1 << (piece & 31))) === 0) continue
      const first = this.#start + piece * pieceOffsets
      const previous = found.at(-1)
      if (previous?.end === first) previous.end += pieceOffsets
      else found.push({ first, end: first + pieceOffsets })
    }
    return found
  }

  /** Begins to keep the keys of groups: all their records are added by `again` after this, oldest first. */
  begin(groups: ReadonlySet<number>): void {
    for (const group of groups) {
      const known = this.#groups.get(group)
      if (known === undefined) continue
      this.#drop(known)
      known.keys = new KeyIndex()
      this.#use(group, known)
    }
  }

  /** Notes a record of a group that `begin` named. */
  again(group: number, key: Buffer, offset: number): void {
    const known = this.#groups.get(group)
    if (known !== undefined) this.#set(known, key, offset)
  }

  #set(known: Group, key: Buffer, offset: number): void {
    if (known.keys === undefined) return
    const before = known.keys.size
    known.keys.set(key, offset)
    this.#size += known.keys.size - before
    if (this.#size > this.#most) this.#makeRoom()
  }

  /** Forgets keys of the groups that were used longest ago, and a tenth more, so that this is rare. */
  #makeRoom(): void {
    for (const known of this.#groups.values()) {
      if (this.#size <= 0.9 * this.#most) return
      this.#drop(known)
    }
  }

  #drop(known: Group): void {
    this.#size -= known.keys?.size ?? 0
    known.keys = undefined
  }

  #use(group: number, known: Group): void {
    if (known === this.#used) return
    this.#used = known
    this.#groups.delete(group)
    this.#groups.set(group, known)
  }
}

function mark(known: Group, piece: number): void {
  if (piece >>> 5 >= known.pieces.length) known.pieces = longer(known.pieces, 2 * ((piece >>> 5) + 1))
  known.pieces[piece >>> 5]! |= 1 << (piece & 31)
}

function longer(bits: Uint32Array, length: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(length)
  copy.set(bits)
  return copy
}
