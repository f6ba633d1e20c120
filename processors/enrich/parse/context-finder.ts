/** Finds the context of a row: a guess by the identifying column, proven by comparison; else the dictionary. */
import { isLineEnd, type BlockBuffer } from './block-buffer.ts'
import { equalBytes } from './byte-arena.ts'
import { opKind, opStride, type ColumnPlan } from './column-plan.ts'
import type { ContextDictionary } from './context-dictionary.ts'

const slots = 8192

/** Slot of the 16 bytes before `end`. */
function slotOf(view: DataView, end: number): number {
  let h = Math.imul(view.getInt32(end - 4) ^ Math.imul(view.getInt32(end - 8), 0x5bd1e995), 0x2c1b3c6d)
  h ^= Math.imul(view.getInt32(end - 12) ^ Math.imul(view.getInt32(end - 16), 0x5bd1e995), 0x9e3779b1)
  return (h ^ (h >>> 15)) & (slots - 1)
}

/** Context spans of the row being read, and the context they make. Spares looking at each byte of about 40 % of an ordinary line. */
export class ContextFinder {
  /** Place of each context span of the row, and the byte after it. */
  readonly from: Int32Array
  readonly to: Int32Array
  private readonly contexts: ContextDictionary
  private readonly buffer: BlockBuffer
  private readonly identitySpan: number
  /** The last two lengths of the identifying span. */
  private length = 0
  private otherLength = 0
  /** Context last seen with an identifying span, by its last 16 bytes. */
  private readonly guesses = new Int32Array(slots)

  constructor(plan: ColumnPlan, contexts: ContextDictionary, buffer: BlockBuffer) {
    this.from = new Int32Array(plan.contextSpans)
    this.to = new Int32Array(plan.contextSpans)
    this.contexts = contexts
    this.buffer = buffer
    let identitySpan = -1
    for (let o = 0; o < plan.ops.length; o += opStride)
      if (plan.ops[o] === opKind.context && plan.ops[o + 3] === 1) identitySpan = plan.ops[o + 1]!
    this.identitySpan = identitySpan
  }

  /**
   * The context last seen with the identifying span at p, where all spans up to it are the same; else 0. The span is not gone over byte by byte:
   * its length is one of the last two, its last 16 bytes are hashed as words, and the comparison with the entry proves the guess.
   */
  guess(bytes: Uint8Array, view: DataView, p: number, span: number): number {
    const { spans } = this.contexts
    for (let attempt = 0; attempt < 2; attempt++) {
      const length = attempt === 0 ? this.length : this.otherLength
      const end = p + length
      if (length < 16 || end > this.buffer.end || !(bytes[end] === 32 || isLineEnd(bytes, end))) continue
      const id = this.guesses[slotOf(view, end)]!
      if (id === 0) continue
      this.to[span] = end
      let s = 0
      for (let e = id * spans.spans; s <= span; s++, e++) {
        const start = this.from[s]!
        const known = spans.lengths[e]!
        if (this.to[s]! - start !== known || !equalBytes(view, start, spans.arena.view, spans.starts[e]!, known)) break
      }
      if (s > span) return id
    }
    return 0
  }

  /** The context of the spans of the row, all of which are read; made where it is new. */
  resolve(bytes: Uint8Array, view: DataView): number {
    const { contexts } = this
    const known = contexts.count
    const id = contexts.spans.find(bytes, view, this.from, this.to)
    if (id > known) contexts.add(id)
    if (this.identitySpan < 0) return id
    const end = this.to[this.identitySpan]!
    const length = end - this.from[this.identitySpan]!
    if (length >= 16) this.guesses[slotOf(view, end)] = id
    if (length !== this.length) {
      this.otherLength = this.length
      this.length = length
    }
    return id
  }
}
