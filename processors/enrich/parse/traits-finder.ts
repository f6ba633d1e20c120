/** Finds the traits of a row: each span of trait columns is guessed by its first bytes and proven by comparison, the traits by their spans. */
import { ByteArena, equalBytes } from '../../../flow/byte-arena.ts'
import type { TraitsTexts } from './traits-texts.ts'
import type { ColumnPlan } from './column-plan.ts'
import { isLineEnd, scanTokens, skipSpaces } from './read-tokens.ts'
import * as memory from './parse-buffers.ts'

// constants of this module, see parse-buffers.ts
const bytes = memory.blockBytes
const view = memory.blockView
const { positions } = memory
const { from, to } = memory.traitSpans
/** Entry of each span of each row; 0 if it is not known. */
const found = new Int32Array(memory.spanCapacity)

/** Slots of the guess table of one span, and of the table of traits. Bounds: a text or an entry that finds no slot is found the slow way. */
const spanSlots = 256
const traitSlots = 4096
const maxEntries = 4096

/** Keeps the spans of the rows being read, and finds the traits they make. Almost no byte of a span is looked at one by one. */
export class TraitsFinder {
  private readonly spans: number
  /** Rows read together. */
  private readonly stride: number
  private readonly traits: TraitsTexts
  /** Shortest text of each span so far; 0: none. As many bytes make the guess. */
  private readonly shortest: Int32Array
  /** Entry by span and hash: two slots side by side. */
  private readonly slots: Int32Array
  private readonly arena = new ByteArena()
  private readonly starts = new Int32Array(maxEntries)
  private readonly lengths = new Int32Array(maxEntries)
  private readonly spanOf = new Int32Array(maxEntries)
  private count = 0
  /** Id by the hash of its entries, and the entries of each such id. */
  private readonly traitIds = new Int32Array(traitSlots)
  private readonly traitEntries: Int32Array

  constructor(plan: ColumnPlan, stride: number, traits: TraitsTexts) {
    this.spans = plan.traitSpans.length
    this.stride = stride
    this.traits = traits
    this.shortest = new Int32Array(this.spans)
    this.slots = new Int32Array(this.spans * spanSlots)
    this.traitEntries = new Int32Array(traitSlots * this.spans)
  }

  /** Reads one span of `tokens` columns of all rows. */
  read(rows: number, span: number, tokens: number): void {
    const { slots, lengths, starts } = this
    const arenaView = this.arena.view
    const at = span * this.stride
    const shortest = this.shortest[span]!
    for (let row = 0; row < rows; row++) {
      const p = positions[row]!
      from[at + row] = p
      const slot = this.slotOf(view, p, span, shortest)
      let entry = slots[slot]!
      let end = p + lengths[entry]!
      if (entry === 0 || !(bytes[end] === 32 || isLineEnd(end)) || !equalBytes(view, p, arenaView, starts[entry]!, end - p)) {
        entry = slots[slot ^ 1]!
        end = p + lengths[entry]!
        if (entry === 0 || !(bytes[end] === 32 || isLineEnd(end)) || !equalBytes(view, p, arenaView, starts[entry]!, end - p)) {
          entry = 0
          end = scanTokens(row, tokens)
          if (end < 0) continue
        }
      }
      found[at + row] = entry
      to[at + row] = end
      positions[row] = bytes[end] === 32 ? (bytes[end + 1] === 32 ? skipSpaces(end) : end + 1) : end
    }
  }

  /** The traits of the spans of a row, all of which are read; made if they are new. */
  resolve(row: number): number {
    const { spans, stride, traitEntries } = this
    let h = 0
    let known = 1
    for (let span = 0, at = row; span < spans; span++, at += stride) {
      const entry = found[at]!
      h = (Math.imul(h, 0x9e3779b1) + entry) | 0
      known &= entry === 0 ? 0 : 1
    }
    const slot = ((Math.imul(h, 0x85ebca6b) ^ h) >>> 12) & (traitSlots - 1)
    const id = this.traitIds[slot]!
    if (id !== 0 && known === 1) {
      let span = 0
      for (let at = slot * spans, entry = row; span < spans && traitEntries[at] === found[entry]; at++, entry += stride) span++
      if (span === spans) return id
    }
    return this.find(row, known === 1 ? slot : -1)
  }

  private find(row: number, slot: number): number {
    const { traits, spans, stride } = this
    const before = traits.count
    const gathered = memory.gatherSpans(memory.traitSpans, spans, stride, row)
    const id = traits.spans.find(bytes, view, gathered.from, gathered.to)
    if (id > before) traits.add(id)
    for (let span = 0; span < spans; span++) {
      const at = span * stride + row
      if (found[at] === 0) this.keep(span, from[at]!, to[at]! - from[at]!)
      if (slot >= 0) this.traitEntries[slot * spans + span] = found[at]!
    }
    if (slot >= 0) this.traitIds[slot] = id
    return id
  }

  private slotOf(text: DataView, p: number, span: number, length: number): number {
    let h = text.getInt32(p, true)
    if (length < 4) h &= (1 << (length << 3)) - 1
    else for (let i = 4; i + 4 <= length; i += 4) h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) ^ text.getInt32(p + i, true)
    return span * spanSlots + ((Math.imul(h, 0x9e3779b1) >>> 23) & (spanSlots - 2))
  }

  /** Remembers the text of a span, unless an earlier row of the same rows has brought it. */
  private keep(span: number, start: number, length: number): void {
    if (length === 0 || this.count + 1 >= maxEntries) return
    for (let way = 0, slot = this.slotOf(view, start, span, this.shortest[span]!); way < 2; way++) {
      const entry = this.slots[slot ^ way]!
      if (entry !== 0 && this.lengths[entry] === length && equalBytes(view, start, this.arena.view, this.starts[entry]!, length)) return
    }
    const entry = ++this.count
    this.starts[entry] = this.arena.append(bytes, start, start + length)
    this.lengths[entry] = length
    this.spanOf[entry] = span
    if (this.shortest[span] === 0 || length < this.shortest[span]!) {
      this.shortest[span] = length
      this.slots.fill(0, span * spanSlots, (span + 1) * spanSlots)
      for (let e = 1; e < entry; e++)
        if (this.spanOf[e] === span) this.place(this.slotOf(this.arena.view, this.starts[e]!, span, length), e)
    }
    this.place(this.slotOf(view, start, span, this.shortest[span]!), entry)
  }

  /** Newest first; the older of three goes. */
  private place(slot: number, entry: number): void {
    this.slots[slot ^ 1] = this.slots[slot]!
    this.slots[slot] = entry
  }
}
