/**
 * Writes ClickHouse's Native format: a block is a count of columns and rows, then each column with its name, its type and all its values.
 * One growing buffer that is used again for the next block.
 *
 * @see https://clickhouse.com/docs/interfaces/formats/Native
 */

/** A block ready to insert. The bytes are valid until the writer begins its next block. */
export interface NativeBlock {
  readonly columns: readonly string[]
  readonly rows: number
  readonly bytes: Uint8Array
}

const encoder = new TextEncoder()

/** A buffer to which values are appended as the Native format has them. */
export class NativeWriter {
  bytes: Uint8Array<ArrayBuffer>
  view: DataView<ArrayBuffer>
  at = 0

  constructor(capacity = 65_536) {
    this.bytes = new Uint8Array(capacity)
    this.view = new DataView(this.bytes.buffer)
  }

  /** Starts a block in place of the last one. */
  begin(columns: number, rows: number): void {
    this.at = 0
    this.varint(columns)
    this.varint(rows)
  }

  /** Starts a column; its values must follow. */
  column(name: string, type: string): void {
    this.text(name)
    this.text(type)
  }

  /** Ends the block. */
  end(columns: readonly string[], rows: number): NativeBlock {
    return { columns, rows, bytes: this.bytes.subarray(0, this.at) }
  }

  /** Makes room for `size` more bytes. `bytes` and `view` may be others afterwards. @returns Where to write them; `at` is behind them. */
  take(size: number): number {
    const at = this.at
    if (at + size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.bytes.length, at + size))
      grown.set(this.bytes.subarray(0, at))
      this.bytes = grown
      this.view = new DataView(grown.buffer)
    }
    this.at = at + size
    return at
  }

  /** Unsigned LEB128, as ClickHouse counts. */
  varint(value: number): void {
    let at = this.take(10)
    while (value >= 128) {
      this.bytes[at++] = (value % 128) | 128
      value = Math.floor(value / 128)
    }
    this.bytes[at++] = value
    this.at = at
  }

  /** A length and the UTF-8 bytes. */
  text(value: string): void {
    this.span(encoder.encode(value))
  }

  /** A length and the bytes. */
  span(value: Uint8Array): void {
    this.varint(value.length)
    this.raw(value)
  }

  /** Bytes as they are. */
  raw(value: Uint8Array): void {
    const at = this.take(value.length)
    this.bytes.set(value, at)
  }

  /** Unsigned 64 bits, exact up to 2^53. */
  uint64(value: number): void {
    const at = this.take(8)
    this.view.setUint32(at, value % 0x1_0000_0000, true)
    this.view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true)
  }
}
