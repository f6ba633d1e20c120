/** Finds the observer of a row: a guess by the identifying column, proven by comparison; else the dictionary. */
import { equalBytes } from '../../../flow/byte-arena.ts'
import { opKind, opStride, type ColumnPlan } from './column-plan.ts'
import type { ObserverTexts } from './observer-texts.ts'
import { isLineEnd, scanTokens, skipSpaces } from './read-tokens.ts'
import * as memory from './parse-buffers.ts'

// constants of this module, see parse-buffers.ts
const bytes = memory.blockBytes
const view = memory.blockView
const { positions, rowGuesses } = memory
const { from, to } = memory.observerSpans

/** Slots of the guess table: two side by side for each hash. */
const slots = 8192

/** First slot of the 16 bytes before `end`. */
function slotOf(end: number): number {
  let h = Math.imul(view.getInt32(end - 4) ^ Math.imul(view.getInt32(end - 8), 0x5bd1e995), 0x2c1b3c6d)
  h ^= Math.imul(view.getInt32(end - 12) ^ Math.imul(view.getInt32(end - 16), 0x5bd1e995), 0x9e3779b1)
  return (h ^ (h >>> 15)) & (slots - 2)
}

/** Observer spans of the rows being read, and the observers they make. Spares looking at each byte of about 40 % of an ordinary line. */
export class ObserverFinder {
  private readonly observers: ObserverTexts
  private readonly spans: number
  /** Rows read together. */
  private readonly stride: number
  private readonly identitySpan: number
  /** The last two lengths of the identifying span. */
  private length = 0
  private otherLength = 0
  /** Observer last seen with an identifying span, by its last 16 bytes. */
  private readonly guesses = new Int32Array(slots)

  constructor(plan: ColumnPlan, stride: number, observers: ObserverTexts) {
    this.observers = observers
    this.spans = plan.observerSpans
    this.stride = stride
    let identitySpan = -1
    for (let o = 0; o < plan.ops.length; o += opStride)
      if (plan.ops[o] === opKind.observer && plan.ops[o + 3] === 1) identitySpan = plan.ops[o + 1]!
    this.identitySpan = identitySpan
  }

  /** Reads one span of `tokens` columns of all rows. */
  read(rows: number, span: number, tokens: number): void {
    const { spans, stride, identitySpan } = this
    const { lengths, starts, arena } = this.observers.spans
    const kept = arena.view
    const at = span * stride
    for (let row = 0; row < rows; row++) {
      const p = positions[row]!
      from[at + row] = p
      let end = -1
      if (span === identitySpan) end = this.guess(row, p)
      else if (rowGuesses[row] !== 0) {
        const entry = rowGuesses[row]! * spans + span
        const length = lengths[entry]!
        if ((bytes[p + length] === 32 || isLineEnd(p + length)) && equalBytes(view, p, kept, starts[entry]!, length)) end = p + length
        else rowGuesses[row] = 0
      }
      if (end < 0) {
        end = scanTokens(row, tokens)
        if (end < 0) continue
      }
      to[at + row] = end
      positions[row] = bytes[end] === 32 ? (bytes[end + 1] === 32 ? skipSpaces(end) : end + 1) : end
    }
  }

  /**
   * Guesses the observer last seen with the identifying span at p, where all spans up to it are the same. The span is not gone over byte by byte:
   * its length is one of the last two, its last 16 bytes are hashed as words, and the comparison with the entry proves the guess.
   *
   * @returns The place behind the span, -1 if no observer matches.
   */
  private guess(row: number, p: number): number {
    const { spans, stride, identitySpan, observers } = this
    const { lengths, starts, arena } = observers.spans
    const kept = arena.view
    for (let attempt = 0; attempt < 4; attempt++) {
      const length = attempt < 2 ? this.length : this.otherLength
      const end = p + length
      if (length < 16 || !(bytes[end] === 32 || isLineEnd(end))) continue
      const id = this.guesses[slotOf(end) ^ (attempt & 1)]!
      const last = id * spans + identitySpan
      if (id === 0 || lengths[last] !== length || !equalBytes(view, p, kept, starts[last]!, length)) continue
      let s = 0
      for (let e = id * spans, at = row; s < identitySpan; s++, e++, at += stride) {
        const start = from[at]!
        const known = lengths[e]!
        if (to[at]! - start !== known || !equalBytes(view, start, kept, starts[e]!, known)) break
      }
      if (s < identitySpan) continue
      rowGuesses[row] = id
      return end
    }
    return -1
  }

  /** The observer of the spans of a row, all of which are read; made where it is new. */
  resolve(row: number): number {
    const guessed = rowGuesses[row]!
    return guessed !== 0 ? guessed : this.find(row)
  }

  private find(row: number): number {
    const { observers } = this
    const known = observers.count
    const spans = memory.gatherSpans(memory.observerSpans, this.spans, this.stride, row)
    const id = observers.spans.find(bytes, view, spans.from, spans.to)
    if (id > known) observers.add(id)
    if (this.identitySpan < 0) return id
    const end = spans.to[this.identitySpan]!
    const length = end - spans.from[this.identitySpan]!
    if (length >= 16) {
      const slot = slotOf(end)
      if (this.guesses[slot] !== id) this.guesses[slot ^ 1] = this.guesses[slot]!
      this.guesses[slot] = id
    }
    if (length !== this.length) {
      this.otherLength = this.length
      this.length = length
    }
    return id
  }
}
