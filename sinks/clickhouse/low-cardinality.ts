/**
 * LowCardinality(String) in the Native format: version, index type and flags, the keys of this block, then one index per row. Building the
 * dictionary here spares the server a hash of a string per row: it reads such a block four times as fast as the same rows in Avro.
 */
import type { TextTable } from './columns/text-table.ts'
import type { NativeWriter } from './native-writer.ts'

const hasKeys = 1 << 9
const needsUpdate = 1 << 10

/** See the head of this file. */
export class LowCardinalityEncoder {
  /** Index of a text in the keys of the current column, plus `#base`; below it: not yet among them. */
  #known = new Int32Array(0)
  #base = 1
  #indexes = new Uint32Array(0)
  readonly #keys: number[] = []

  /**
   * Writes a column.
   *
   * @param texts Text number per entry, or per row where `entries` is null.
   */
  write(writer: NativeWriter, name: string, table: TextTable, rows: number, texts: Uint32Array, entries: Uint32Array | null): void {
    this.#prepare(rows, table.spans.size)
    const keys = this.#keys
    const known = this.#known
    const indexes = this.#indexes
    const base = this.#base
    for (let row = 0; row < rows; row++) {
      const text = texts[entries === null ? row : entries[row]!]!
      let index = known[text]! - base
      if (index < 0) {
        index = keys.length
        known[text] = base + index
        keys.push(text)
      }
      indexes[row] = index
    }
    writer.column(name, 'LowCardinality(String)')
    const width = keys.length <= 256 ? 0 : keys.length <= 65_536 ? 1 : 2
    writer.uint64(1)
    writer.uint64(width | hasKeys | needsUpdate)
    writer.uint64(keys.length)
    for (const text of keys) writer.span(table.bytesOf(text))
    writer.uint64(rows)
    const at = writer.take(rows << width)
    const { bytes, view } = writer
    if (width === 0) for (let row = 0; row < rows; row++) bytes[at + row] = indexes[row]!
    else if (width === 1) for (let row = 0; row < rows; row++) view.setUint16(at + 2 * row, indexes[row]!, true)
    else for (let row = 0; row < rows; row++) view.setUint32(at + 4 * row, indexes[row]!, true)
    this.#base += keys.length
    keys.length = 0
  }

  #prepare(rows: number, texts: number): void {
    if (this.#indexes.length < rows) this.#indexes = new Uint32Array(rows)
    if (this.#known.length < texts || this.#base > 0x3fff_ffff) {
      this.#known = new Int32Array(Math.max(2 * texts, this.#known.length))
      this.#base = 1
    }
  }
}
