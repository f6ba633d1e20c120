/** Reads ClickHouse's Native format into rows, for tests: written on its own, so that it checks the writer of the product. */

/** One cell: whole numbers of 64 bits as bigint, IPv6 and String as hex and text, Enum8 as its number. */
export type NativeCell = string[] | number | bigint | string | null | Record<string, string>

/** Reads one block; throws where bytes are left. */
export function readNative(bytes: Uint8Array): Record<string, NativeCell>[] {
  const reader = new Reader(Buffer.from(bytes))
  const columns = reader.varint()
  const count = reader.varint()
  const rows: Record<string, NativeCell>[] = Array.from({ length: count }, () => ({}))
  for (let i = 0; i < columns; i++) {
    const name = reader.text()
    const type = reader.text()
    const cells = reader.column(type, count)
    rows.forEach((row, index) => {
      if (name in row) throw new RangeError(`column ${name} stands twice`)
      row[name] = cells[index]!
    })
  }
  reader.done()
  return rows
}

class Reader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  varint(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }

  text(): string {
    const length = this.varint()
    this.#at += length
    if (this.#at > this.#bytes.length) throw new RangeError('block ends within a text')
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  done(): void {
    if (this.#at !== this.#bytes.length) throw new RangeError(`${this.#bytes.length - this.#at} bytes behind the block`)
  }

  column(type: string, count: number): NativeCell[] {
    const many = <T>(read: () => T): T[] => Array.from({ length: count }, read)
    const nullable = /^Nullable\((.*)\)$/.exec(type)?.[1]
    if (nullable !== undefined) {
      const absent = many(() => this.#number(1))
      return this.column(nullable, count).map((cell, i) => (absent[i] === 1 ? null : cell))
    }
    if (type === 'LowCardinality(String)') return this.#lowCardinality(count)
    if (type === 'Map(String, String)') return this.#map(count)
    if (type === 'Array(String)') return this.#texts(count)
    if (type === 'String') return many(() => this.text())
    if (type === 'UInt64') return many(() => this.#long())
    if (type === 'IPv6') return many(() => this.#bytes.toString('hex', this.#at, (this.#at += 16)))
    if (type === 'Int32') return many(() => this.#bytes.readInt32LE((this.#at += 4) - 4))
    if (type.startsWith('DateTime64')) return many(() => Number(this.#long()))
    if (type === 'UInt8' || type.startsWith('Enum8(')) return many(() => this.#number(1))
    if (type === 'UInt16') return many(() => this.#number(2))
    if (type === 'UInt32' || type.startsWith('DateTime(')) return many(() => this.#number(4))
    throw new TypeError(`type ${type}`)
  }

  #number(width: number): number {
    this.#at += width
    return this.#bytes.readUIntLE(this.#at - width, width)
  }

  #long(): bigint {
    this.#at += 8
    return this.#bytes.readBigUInt64LE(this.#at - 8)
  }

  #lowCardinality(count: number): string[] {
    if (this.#long() !== 1n) throw new RangeError('version of a LowCardinality column')
    const flags = Number(this.#long())
    if (flags >> 8 !== 6) throw new RangeError(`flags of a LowCardinality column: ${flags}`)
    const keys = Array.from({ length: Number(this.#long()) }, () => this.text())
    if (new Set(keys).size !== keys.length) throw new RangeError('a key stands twice')
    if (Number(this.#long()) !== count) throw new RangeError('rows of a LowCardinality column')
    return Array.from({ length: count }, () => {
      const index = this.#number(1 << (flags & 255))
      if (index >= keys.length) throw new RangeError(`index ${index} of ${keys.length} keys`)
      return keys[index]!
    })
  }

  #texts(count: number): string[][] {
    const ends = Array.from({ length: count }, () => Number(this.#long()))
    const texts = Array.from({ length: ends.at(-1) ?? 0 }, () => this.text())
    return ends.map((end, row) => texts.slice(row === 0 ? 0 : ends[row - 1]!, end))
  }

  #map(count: number): Record<string, string>[] {
    const ends = Array.from({ length: count }, () => Number(this.#long()))
    const pairs = ends.at(-1) ?? 0
    const keys = Array.from({ length: pairs }, () => this.text())
    const values = Array.from({ length: pairs }, () => this.text())
    return ends.map((end, row) => {
      const from = row === 0 ? 0 : ends[row - 1]!
      return Object.fromEntries(keys.slice(from, end).map((key, i) => [key, values[from + i]!]))
    })
  }
}
