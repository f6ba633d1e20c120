/** Parquet files byte by byte, so that any of their numbers can lie. */

/** A value of the compact protocol of Thrift. */
interface Part {
  readonly type: number
  readonly bytes: Buffer
}

/** An unsigned number of variable length. */
export function varint(value: number | bigint): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

const zigzag = (value: number | bigint): Buffer => varint(BigInt(value) < 0n ? -2n * BigInt(value) - 1n : 2n * BigInt(value))
const i32 = (value: number): Part => ({ type: 5, bytes: zigzag(value) })
const i64 = (value: number | bigint): Part => ({ type: 6, bytes: zigzag(value) })
const text = (value: string): Part => ({ type: 8, bytes: Buffer.concat([varint(Buffer.byteLength(value)), Buffer.from(value)]) })
const no: Part = { type: 2, bytes: Buffer.alloc(0) }
const list = (parts: readonly Part[]): Part => ({
  type: 9,
  bytes: Buffer.concat([Buffer.from([0xf0 | (parts[0]?.type ?? 12)]), varint(parts.length), ...parts.map(({ bytes }) => bytes)]),
})

/** A struct, by the numbers of its fields. */
export function struct(fields: Readonly<Record<number, Part | undefined>>): Part {
  const parts: Buffer[] = []
  for (const [id, part] of Object.entries(fields))
    if (part !== undefined) parts.push(Buffer.from([part.type]), zigzag(Number(id)), part.bytes)
  return { type: 12, bytes: Buffer.concat([...parts, Buffer.from([0])]) }
}

/** Numbers of the encodings. */
export const encodings = { plain: 0, rle: 3, delta: 5, deltaBytes: 7, dictionary: 8, split: 9 } as const

/** What a page says of itself; what is left out is true. */
export interface PageClaims {
  readonly kind?: 'data' | 'dictionary' | 'data-v2'
  readonly values: number
  readonly encoding?: number
  readonly size?: number
  readonly stored?: number
  readonly nulls?: number
  readonly levelBytes?: number
}

/** A page with its header. */
export function page(body: Buffer, claims: PageClaims): Buffer {
  const { kind = 'data', values, encoding = encodings.plain, size = body.length, stored = body.length, nulls = 0, levelBytes = 0 } = claims
  const header = struct({
    1: i32({ data: 0, dictionary: 2, 'data-v2': 3 }[kind]),
    2: i32(size),
    3: i32(stored),
    5: kind === 'data' ? struct({ 1: i32(values), 2: i32(encoding), 3: i32(3), 4: i32(3) }) : undefined,
    7: kind === 'dictionary' ? struct({ 1: i32(values), 2: i32(encoding) }) : undefined,
    8:
      kind === 'data-v2'
        ? struct({ 1: i32(values), 2: i32(nulls), 3: i32(values), 4: i32(encoding), 5: i32(levelBytes), 6: i32(0), 7: no })
        : undefined,
  })
  return Buffer.concat([header.bytes, body])
}

/** Words in the plain encoding. */
export const plainWords = (words: readonly string[]): Buffer =>
  Buffer.concat(
    words.map(word => {
      const bytes = Buffer.alloc(4 + word.length, word, undefined)
      bytes.writeUInt32LE(word.length)
      bytes.write(word, 4)
      return bytes
    }),
  )

/** Numbers of the compression codecs in a file. */
export const parquetCodecs = { none: 0, snappy: 1, gzip: 2, lzo: 3, brotli: 4, lz4: 5, zstd: 6, lz4raw: 7 } as const

/** A column, all of whose values must be there. */
export interface ColumnOf {
  readonly name: string
  readonly pages: readonly Buffer[]
  readonly type?: 'int32' | 'bytes' | 'fixed'
  readonly typeLength?: number
  readonly codec?: keyof typeof parquetCodecs
  /** Place of its first page; left out: where it is. */
  readonly offset?: number
  readonly stored?: number
}

/** What the footer says; what is left out is true. */
export interface FileClaims {
  readonly groups?: number
  readonly footer?: Buffer
  readonly footerBytes?: number
}

/** A file of one row group of so many rows. */
export function parquetBytes(columns: readonly ColumnOf[], rows: number | bigint, claims: FileClaims = {}): Buffer {
  const magic = Buffer.from('PAR1')
  const parts = [magic]
  let at = magic.length
  const types = { int32: 1, bytes: 6, fixed: 7 }
  const chunks = columns.map(({ name, pages, type = 'bytes', codec = 'none', ...lies }) => {
    const body = Buffer.concat(pages)
    const offset = lies.offset ?? at
    parts.push(body)
    at += body.length
    return struct({
      2: i64(offset),
      3: struct({
        1: i32(types[type]),
        2: list([i32(0)]),
        3: list([text(name)]),
        4: i32(parquetCodecs[codec]),
        5: i64(rows),
        6: i64(body.length),
        7: i64(lies.stored ?? body.length),
        9: i64(offset),
      }),
    })
  })
  const group = struct({ 1: list(chunks), 2: i64(at), 3: i64(rows) })
  const schema = [
    struct({ 4: text('schema'), 5: i32(columns.length) }),
    ...columns.map(({ name, type = 'bytes', typeLength }) =>
      struct({ 1: i32(types[type]), 2: typeLength === undefined ? undefined : i32(typeLength), 3: i32(0), 4: text(name) }),
    ),
  ]
  const groups = Array.from({ length: claims.groups ?? 1 }, () => group)
  const footer = claims.footer ?? struct({ 1: i32(1), 2: list(schema), 3: i64(rows), 4: list(groups) }).bytes
  const end = Buffer.alloc(4)
  end.writeUInt32LE(claims.footerBytes ?? footer.length)
  return Buffer.concat([...parts, footer, end, magic])
}

/** Places in a dictionary as one run. */
export const runOf = (place: number, count: number): Buffer => Buffer.concat([Buffer.from([8]), varint(2 * count), Buffer.from([place])])

/** A file in which a run of a dictionary claims so many rows, where there are three. */
export const longRun = (claimed: number): Buffer =>
  parquetBytes(
    [
      {
        name: 'srcaddr',
        pages: [
          page(plainWords(['10.0.0.1']), { kind: 'dictionary', values: 1 }),
          page(runOf(0, claimed), { values: 3, encoding: encodings.dictionary }),
        ],
      },
    ],
    3,
  )

/** A file whose decompression never ends: a literal of a negative length leads back to itself. */
export function endlessLoop(): Buffer {
  const body = Buffer.from([12, 0xfc, 0xfa, 0xff, 0xff, 0xff, 0, 0, 0, 0])
  return parquetBytes([{ name: 'srcaddr', codec: 'snappy', pages: [page(body, { values: 1, size: 12 })] }], 1)
}
