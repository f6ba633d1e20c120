/**
 * Columns of a row group as words, a few rows at a time. Levels and dictionaries are decoded here, values by the library: it would lay out whole
 * pages, again for each part of one, and any run as long as it claims to be.
 */
import type { RowGroup } from 'hyparquet'
import { assembleLists, assembleNested } from 'hyparquet/src/assemble.js'
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js'
import { decompressPage } from 'hyparquet/src/datapage.js'
import { deltaBinaryUnpack, deltaLengthByteArray } from 'hyparquet/src/delta.js'
import { byteStreamSplit } from 'hyparquet/src/encoding.js'
import { readPlain } from 'hyparquet/src/plain.js'
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from 'hyparquet/src/schema.js'
import { frontCoded } from './parquet-front-coded.ts'
import { checkHeap } from './parquet-heap.ts'
import { columnBytes, encodingOf, pagesOf, parquetCompressors, valuesOfColumn, type Page } from './parquet-pages.ts'
import { Runs } from './parquet-runs.ts'
import { secondsParsers } from './seconds-parsers.ts'
import type { WordOf } from '../text/field-words.ts'
import { plural } from '../../../runtime/counted.ts'

type Chunk = RowGroup['columns'][number]
/** A node of the schema. */
export type SchemaTree = ReturnType<typeof getTreePath>[number]
type Decoder = Parameters<typeof convert>[1]
type Values = ReturnType<typeof convert>

/** A column at the top of the schema. */
export interface Column {
  readonly name: string
  readonly tree: SchemaTree
  readonly wordOf: WordOf
}

/** The rows of a column in a row group, from the first to the last. */
export interface ColumnRows {
  /** @throws Error if the column is damaged or has no more rows. */
  words(count: number): string[]
  skip(count: number): void
}

/** Bytes of a row group. */
export interface HeldGroup {
  readonly group: RowGroup
  readonly bytes: Buffer
  /** Place of the first byte in the object. */
  readonly start: number
}

/** Entries of a dictionary that are decoded at once. */
const dictionaryStep = 16_384

const parsers = { ...DEFAULT_PARSERS, ...secondsParsers }

/** Opens a column of a row group. */
export function openColumn(schema: SchemaTree, { name, tree, wordOf }: Column, held: HeldGroup): ColumnRows {
  const chunks = held.group.columns.filter(({ meta_data }) => meta_data?.path_in_schema[0] === name)
  if (chunks.length === 0) throw new Error(`column ${name} is not in a row group`)
  if (tree.children.length > 0) return new ListedRows(nestedValues(schema, tree, chunks, held), wordOf)
  const leaf = new Leaf(schema, chunks[0]!, held)
  return leaf.isFlat ? new FlatRows(leaf, name, wordOf) : new ListedRows(listedValues(leaf), wordOf)
}

/**
 * Opens a leaf of a row group by its path. Where it stands in a list, its value is that list.
 *
 * @throws Error if the row group has no such leaf.
 */
export function openLeaf(schema: SchemaTree, path: readonly string[], wordOf: WordOf, held: HeldGroup): ColumnRows {
  const name = path.join('.')
  const chunk = held.group.columns.find(({ meta_data }) => meta_data?.path_in_schema.join('.') === name)
  if (chunk === undefined) throw new Error(`column ${name} is not in a row group`)
  const leaf = new Leaf(schema, chunk, held)
  if (leaf.isFlat) return new FlatRows(leaf, name, wordOf)
  return new ListedRows(
    Array.from(listedValues(leaf), row => [row].flat(Infinity) as unknown[]),
    wordOf,
  )
}

/** Rows whose values are all there. */
class ListedRows implements ColumnRows {
  readonly #values: ArrayLike<unknown>
  readonly #wordOf: WordOf
  #at = 0

  constructor(values: ArrayLike<unknown>, wordOf: WordOf) {
    this.#values = values
    this.#wordOf = wordOf
  }

  words(count: number): string[] {
    const from = this.#at
    this.skip(count)
    if (this.#at > this.#values.length) throw new Error(`a column has only ${plural(this.#values.length, 'row')}`)
    return Array.from({ length: count }, (_unused, i) => this.#wordOf(this.#values[from + i]))
  }

  skip(count: number): void {
    this.#at += count
  }
}

/** A column of words or numbers, a page at a time. */
class FlatRows implements ColumnRows {
  readonly #leaf: Leaf
  readonly #name: string
  readonly #wordOf: WordOf
  readonly #pages: Iterator<Page, void>
  #dictionary: string[] | undefined
  #page: OpenPage | undefined
  #at = 0
  #places = new Int32Array(0)
  #lastValue: unknown
  #lastWord = '-'

  constructor(leaf: Leaf, name: string, wordOf: WordOf) {
    this.#leaf = leaf
    this.#name = name
    this.#wordOf = wordOf
    this.#pages = leaf.pages()
  }

  words(count: number): string[] {
    checkHeap()
    const words: string[] = []
    while (words.length < count) {
      this.#page ??= this.#leaf.open(this.#nextPage())
      const some = Math.min(count - words.length, this.#page.count - this.#at)
      this.#readWords(this.#page, some, words)
      this.#pass(some)
    }
    return words
  }

  skip(count: number): void {
    let left = count
    while (left > 0) {
      const page = this.#page === undefined ? this.#nextPage() : undefined
      if (page !== undefined && page.values <= left) left -= page.values
      else {
        this.#page ??= this.#leaf.open(page!)
        const some = Math.min(left, this.#page.count - this.#at)
        this.#readWords(this.#page, some, [])
        this.#pass(some)
        left -= some
      }
    }
  }

  #pass(count: number): void {
    this.#at += count
    if (this.#at < this.#page!.count) return
    this.#page = undefined
    this.#at = 0
  }

  #nextPage(): Page {
    for (let next = this.#pages.next(); next.done !== true; next = this.#pages.next()) {
      if (next.value.header.type !== 'DICTIONARY_PAGE') {
        if (next.value.values > 0) return next.value
      } else this.#dictionary = this.#leaf.dictionary(next.value, this.#wordOf)
    }
    throw new Error(`column ${this.#name} ends before its row group`)
  }

  #readWords(page: OpenPage, count: number, words: string[]): void {
    const { present } = page
    const [from, to] = [this.#at, this.#at + count]
    let there = count
    if (present !== undefined) {
      there = 0
      for (let i = from; i < to; i++) there += present[i]!
    }
    const found = page.runs === undefined ? this.#wordsOf(page.take(there)) : this.#lookUp(page.runs, there, page.ownDictionary)
    if (present === undefined) for (const word of found) words.push(word)
    else for (let i = from, next = 0; i < to; i++) words.push(present[i] === 1 ? found[next++]! : '-')
  }

  /** Words of the dictionary: made once for each entry. */
  #lookUp(runs: Runs, count: number, own: Values | undefined): string[] {
    const dictionary = own === undefined ? this.#dictionary : Array.from(own as ArrayLike<unknown>, this.#wordOf)
    if (dictionary === undefined) throw new Error(`column ${this.#name} has no dictionary`)
    if (this.#places.length < count) this.#places = new Int32Array(count)
    const places = this.#places
    runs.read(places, count)
    const words: string[] = []
    for (let i = 0; i < count; i++) {
      const word = dictionary[places[i]!]
      if (word === undefined) throw new Error(`column ${this.#name} names entry ${places[i]!} of a dictionary of ${dictionary.length}`)
      words.push(word)
    }
    return words
  }

  /** Values repeat in runs: the last one is remembered. */
  #wordsOf(values: ArrayLike<unknown>): string[] {
    const words: string[] = []
    for (let i = 0; i < values.length; i++) {
      const value = values[i]
      if (value !== this.#lastValue) [this.#lastValue, this.#lastWord] = [value, this.#wordOf(value)]
      words.push(this.#lastWord)
    }
    return words
  }
}

/** A decompressed page, its levels decoded. */
interface OpenPage {
  readonly count: number
  readonly repetition: Uint8Array | undefined
  readonly definition: Uint8Array | undefined
  /** In a flat column: 1 where there is a value; undefined: everywhere. */
  readonly present: Uint8Array | undefined
  /** Values that are there. */
  readonly there: number
  /** Places in a dictionary; undefined: the values themselves follow. */
  readonly runs: Runs | undefined
  /** Undefined: the dictionary is that of the column. */
  readonly ownDictionary: Values | undefined
  /** The next values. */
  take(count: number): Values
}

const bitsOf = (level: number): number => 32 - Math.clz32(level)

/** A column of the file, which has values. */
class Leaf {
  readonly path: SchemaTree[]
  readonly isFlat: boolean
  readonly name: string
  readonly #decoder: Decoder
  readonly #bytes: Buffer
  readonly #most: number
  readonly #definition: number
  readonly #repetition: number

  constructor(schema: SchemaTree, chunk: Chunk, { group, bytes, start }: HeldGroup) {
    const meta = chunk.meta_data!
    this.name = meta.path_in_schema.join('.')
    this.path = getTreePath(schema, meta.path_in_schema)
    this.#decoder = {
      ...meta,
      pathInSchema: meta.path_in_schema,
      element: this.path.at(-1)!.element,
      schemaPath: this.path,
      parsers,
    }
    this.#bytes = columnBytes(chunk, bytes, start)
    this.#definition = getMaxDefinitionLevel(this.path)
    this.#repetition = getMaxRepetitionLevel(this.path)
    this.isFlat = this.#repetition === 0 && this.path.at(-1)!.children.length === 0
    this.#most = valuesOfColumn(chunk, Number(group.num_rows), this.isFlat)
  }

  pages(): Generator<Page, void, undefined> {
    return pagesOf(this.#bytes, this.#most)
  }

  /** The entries of a dictionary, each as `made` of it. */
  dictionary<T>({ header, bytes }: Page, made: (value: unknown) => T): T[] {
    const { type, element } = this.#decoder
    const reader = readerOf(this.#decompress(bytes, header.uncompressed_page_size), 0)
    const entries: T[] = []
    for (let left = header.dictionary_page_header!.num_values; left > 0; left -= dictionaryStep) {
      const values = convert(readPlain(reader, type, Math.min(left, dictionaryStep), element.type_length), this.#decoder)
      for (let i = 0; i < values.length; i++) entries.push(made(values[i]))
      checkHeap()
    }
    return entries
  }

  #decompress(bytes: Uint8Array, size: number): Uint8Array {
    return decompressPage(bytes, size, this.#decoder.codec, parquetCompressors)
  }

  open({ header, values: count, bytes }: Page): OpenPage {
    const second = header.type === 'DATA_PAGE_V2' ? header.data_page_header_v2 : undefined
    let [page, offset] = [bytes, 0]
    let [repetition, definition]: (Uint8Array | undefined)[] = []
    if (second === undefined) {
      page = this.#decompress(bytes, header.uncompressed_page_size)
      const levels = (most: number): Uint8Array | undefined => {
        if (most === 0) return undefined
        const from = offset + 4
        offset = from + readerOf(page, offset).view.getUint32(offset, true)
        return levelsOf(page, from, most, count)
      }
      repetition = levels(this.#repetition)
      definition = levels(this.#definition)
    } else {
      const { repetition_levels_byte_length: first, definition_levels_byte_length: next, is_compressed } = second
      if (this.#repetition > 0) repetition = levelsOf(bytes, 0, this.#repetition, count)
      if (this.#definition > 0) definition = levelsOf(bytes, first, this.#definition, count)
      page = bytes.subarray(first + next)
      if (is_compressed !== false) page = this.#decompress(page, header.uncompressed_page_size - first - next)
    }
    let there = count
    if (definition !== undefined) for (const level of definition) if (level !== this.#definition) there--
    if (this.isFlat && second !== undefined && there !== count - second.num_nulls)
      throw new Error(`column ${this.name} has another number of values than it says`)
    const present = there === count ? undefined : this.#presence(definition)
    const values = this.#valuesOf(page, offset, there, encodingOf(header))
    return { count, repetition, definition, present, there, ...values }
  }

  /** Levels of a flat column as 1 where there is a value, else 0. */
  #presence(definition: Uint8Array | undefined): Uint8Array | undefined {
    return this.#definition > 1 && this.isFlat ? definition?.map(level => (level === this.#definition ? 1 : 0)) : definition
  }

  #valuesOf(page: Uint8Array, offset: number, there: number, encoding: string): Pick<OpenPage, 'runs' | 'ownDictionary' | 'take'> {
    const none = { runs: undefined, ownDictionary: undefined }
    const { type, element } = this.#decoder
    if (there === 0) return { ...none, take: () => [] }
    const reader = readerOf(page, offset)
    const take = (count: number): Values => convert(readPlain(reader, type, count, element.type_length), this.#decoder)
    if (encoding === 'PLAIN' && type !== 'BOOLEAN') return { ...none, take }
    if (encoding === 'RLE' && type === 'BOOLEAN')
      return { runs: new Runs(page, offset + 4, there, 1), ownDictionary: convert([false, true], this.#decoder), take }
    if (encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY')
      return { runs: new Runs(page, offset + 1, there, reader.view.getUint8(offset)), ownDictionary: undefined, take }
    let all: Values
    if (encoding === 'PLAIN') all = readPlain(reader, type, there, undefined)
    else if (encoding === 'DELTA_BINARY_PACKED')
      deltaBinaryUnpack(reader, there, (all = type === 'INT32' ? new Int32Array(there) : new BigInt64Array(there)))
    else if (encoding === 'DELTA_LENGTH_BYTE_ARRAY') deltaLengthByteArray(reader, there, (all = new Array<Uint8Array>(there)))
    else if (encoding === 'DELTA_BYTE_ARRAY') all = frontCoded(reader, there)
    else if (encoding === 'BYTE_STREAM_SPLIT') {
      const width = type === 'FIXED_LEN_BYTE_ARRAY' ? (element.type_length ?? 0) : type === 'INT32' || type === 'FLOAT' ? 4 : 8
      if (!(width > 0 && width * there <= page.length - offset)) throw new Error(`column ${this.name} claims more values than it has bytes`)
      all = byteStreamSplit(reader, there, type, element.type_length)
    } else throw new Error(`column ${this.name} has the encoding ${encoding}`)
    let at = 0
    return { ...none, take: count => convert((all as unknown[]).slice(at, (at += count)), this.#decoder) }
  }
}

const readerOf = (bytes: Uint8Array, offset: number): { view: DataView; offset: number } => ({
  view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
  offset,
})

function levelsOf(bytes: Uint8Array, from: number, most: number, count: number): Uint8Array {
  if (most > 255) throw new Error('a column is nested too deeply')
  const levels = new Uint8Array(count)
  new Runs(bytes, from, count, bitsOf(most)).read(levels, count)
  return levels
}

/** All the values of a column that is not flat, each put together as its levels say. */
function listedValues(leaf: Leaf): Values {
  const rows: unknown[] = []
  let dictionary: Values | undefined
  for (const page of leaf.pages()) {
    checkHeap()
    if (page.header.type === 'DICTIONARY_PAGE') dictionary = leaf.dictionary(page, value => value)
    else {
      const opened = leaf.open(page)
      const { repetition, definition, runs, there, ownDictionary } = opened
      const values = runs === undefined ? opened.take(there) : lookUp(runs, there, ownDictionary ?? dictionary)
      const levels = [definition, repetition].map(each => (each === undefined ? [] : Array.from(each)))
      const made = assembleLists(rows, levels[0], levels[1]!, values, leaf.path) as ArrayLike<unknown>
      if (made !== rows) for (let i = 0; i < made.length; i++) rows.push(made[i])
    }
  }
  return rows
}

function lookUp(runs: Runs, count: number, dictionary: Values | undefined): Values {
  const places = new Int32Array(count)
  runs.read(places, count)
  return Array.from(places, place => {
    const value: unknown = dictionary?.[place]
    if (value === undefined) throw new Error(`a column names entry ${place} of a dictionary of ${dictionary?.length ?? 0}`)
    return value
  })
}

/** All the values of a column that has columns below it. */
function nestedValues(schema: SchemaTree, tree: SchemaTree, chunks: readonly Chunk[], held: HeldGroup): Values {
  const leaves = new Map<string, Values>()
  for (const chunk of chunks) {
    const leaf = new Leaf(schema, chunk, held)
    leaves.set(leaf.name, listedValues(leaf))
  }
  assembleNested(leaves, tree, parsers)
  const values = leaves.get(tree.element.name)
  if (values === undefined) throw new Error(`column ${tree.element.name} cannot be put together`)
  return values
}
