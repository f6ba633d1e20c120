/** Numbers texts, for LowCardinality columns. Number 0 is the empty text, which also stands for an absent one. */
import { SpanDictionary } from './span-dictionary.ts'

const encoder = new TextEncoder()

/** Gives each text a number, and keeps its bytes. */
export class TextTable {
  readonly spans = new SpanDictionary()

  constructor() {
    this.clear()
  }

  /** Bytes of memory. */
  get size(): number {
    return this.spans.bytes
  }

  /** Number of the bytes `start` to `end`. */
  idOf(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    let hash = end - start
    if (hash > 3) {
      // First, last and middle four bytes; the dictionary verifies the rest.
      const middle = start + ((hash - 4) >> 1)
      hash =
        Math.imul(hash ^ view.getInt32(start), 0x9e3779b1) ^
        Math.imul(view.getInt32(end - 4), 0x85ebca6b) ^
        Math.imul(view.getInt32(middle), 0xc2b2ae35)
    } else for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x9e3779b1)
    hash ^= hash >>> 15
    const found = this.spans.find(view, start, end, hash)
    return found >= 0 ? found : this.spans.add(bytes, start, end, hash)
  }

  /** Number of a string. */
  idOfText(text: string | null): number {
    if (text === null || text === '') return 0
    const bytes = encoder.encode(text)
    return this.idOf(bytes, new DataView(bytes.buffer), 0, bytes.length)
  }

  /** Bytes of a number. */
  bytesOf(id: number): Uint8Array {
    return this.spans.bytesOf(id)
  }

  clear(): void {
    this.spans.clear()
    this.spans.add(new Uint8Array(0), 0, 0, 0)
  }
}
