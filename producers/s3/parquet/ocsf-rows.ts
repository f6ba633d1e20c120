/** Events of Amazon Security Lake as lines of a flow log: leaves of nested columns are read as words and put together by the table of fields. */
import { FlowError } from '../../../runtime/errors.ts'
import { openLeaf, type ColumnRows, type HeldGroup, type SchemaTree } from './parquet-columns.ts'
import { leafPaths, type RowPlan } from './row-plan.ts'
import { ocsfDirection, ocsfFields, type OcsfField } from './ocsf-fields.ts'
import { headerWord, wordsOf, type WordOf } from '../text/field-words.ts'

const classPath = 'class_uid'
const productPath = 'metadata.product.name'
const networkActivity = '4001'

/** Keys and values of a map, in the two ways in which they are named. */
const mapParts = [
  ['unmapped.key_value.key', 'unmapped.key_value.value'],
  ['unmapped.map.key', 'unmapped.map.value'],
  ['unmapped.entries.key', 'unmapped.entries.value'],
] as const

/** True for the columns of network activity: both endpoints, and the class. */
export const isOcsf = (names: readonly string[]): boolean => [classPath, 'src_endpoint', 'dst_endpoint'].every(name => names.includes(name))

/** Seconds of a time: of a number by its size (s, ms, us, ns), of a text as ISO 8601. */
function secondsOf(value: unknown): string {
  if (typeof value === 'string' && !/^\d+$/.test(value)) {
    const ms = Date.parse(value)
    return Number.isNaN(ms) ? '-' : String(Math.floor(ms / 1000))
  }
  if (value === null || value === undefined || value === '') return '-'
  const number = Number(value)
  if (!(number >= 0)) return '-'
  const unit = number >= 1e17 ? 1e9 : number >= 1e14 ? 1e6 : number >= 1e11 ? 1e3 : 1
  return String(Math.floor(number / unit))
}

/** The first value of a list. */
const firstOf =
  (wordOf: WordOf): WordOf =>
  value =>
    wordOf(Array.isArray(value) ? value.find(each => each !== null && each !== undefined) : value)

/** A leaf that is read: its words by path. */
interface OpenLeaf {
  readonly path: string
  readonly wordOf: WordOf
  readonly listed: boolean
}

/**
 * How the rows of a file of events become lines.
 *
 * @param schema Root of the schema.
 */
export function ocsfPlan(schema: SchemaTree, name: { bucket: string; key: string }): RowPlan {
  const leaves = leafPaths(schema)
  const map = mapParts.find(([key, value]) => leaves.has(key) && leaves.has(value))
  const fields = ocsfFields
    .map(field => ({ ...field, paths: field.paths.map(path => listPath(leaves, path)).filter(path => path !== undefined) }))
    .filter(({ field, paths }) => paths.length > 0 || (map !== undefined && isUnmapped(field)))
  const used = new Map<string, OpenLeaf>()
  const use = (path: string | undefined, wordOf: WordOf): void => {
    if (path !== undefined && leaves.has(path)) used.set(path, { path, wordOf, listed: leaves.get(path)! })
  }
  for (const { field, how, paths } of fields) for (const path of paths) use(path, how === 'time' ? secondsOf : firstOf(wordsOf(field)))
  use(classPath, wordsOf(classPath))
  use(productPath, wordsOf(productPath))
  const direction = ocsfDirection.paths.filter(path => leaves.has(path))
  // what stands among the unmapped and is not a field of a flow log keeps its own name
  const others = [...leaves.keys()].filter(
    path => path.startsWith('unmapped.') && !used.has(path) && !(map as readonly string[] | undefined)?.includes(path),
  )
  for (const path of others) use(path, firstOf(wordsOf('')))
  const header = [
    ...fields.map(({ field }) => field),
    ...others.map(path => headerWord(path.slice('unmapped.'.length))),
    ...(map === undefined ? [] : ['unmapped']),
  ]
  return {
    header,
    cells: used.size + header.length,
    usage: path =>
      map !== undefined && (map as readonly string[]).includes(path)
        ? 'listed'
        : used.has(path)
          ? used.get(path)!.listed
            ? 'listed'
            : 'flat'
          : 'none',
    open: held => {
      const rows = new Map<string, ColumnRows>()
      for (const { path, wordOf } of used.values()) rows.set(path, openLeaf(schema, path.split('.'), wordOf, held))
      return new OcsfRows({ rows, fields, others, direction, unmapped: map === undefined ? undefined : openMap(schema, map, held), name })
    },
  }
}

const isUnmapped = (field: string): boolean => ocsfFields.some(each => each.field === field && each.paths[0]!.startsWith('unmapped.'))

/** The leaf of a path: itself, or the elements where it is a list. */
function listPath(leaves: ReadonlyMap<string, boolean>, path: string): string | undefined {
  return ['', '.list.element', '.list.item', '.bag.array_element', '.array', '.list.array']
    .map(end => path + end)
    .find(each => leaves.has(each))
}

/** The maps of the rows of a group, from the first to the last. */
interface MapRows {
  take(count: number): Map<string, unknown>[]
  skip(count: number): void
}

function openMap(schema: SchemaTree, [keyPath, valuePath]: readonly [string, string], held: HeldGroup): MapRows {
  const listed = (path: string): { rows: unknown[][]; reader: ColumnRows } => {
    const rows: unknown[][] = []
    const reader = openLeaf(
      schema,
      path.split('.'),
      value => {
        rows.push(value as unknown[])
        return ''
      },
      held,
    )
    return { rows, reader }
  }
  const [keys, values] = [listed(keyPath), listed(valuePath)]
  return {
    take: count => {
      for (const { rows, reader } of [keys, values]) {
        rows.length = 0
        reader.words(count)
      }
      return keys.rows.map(
        (row, i) => new Map(row.map((key, j) => [String(key), values.rows[i]![j]] as const).filter(([key]) => key !== 'null')),
      )
    },
    skip: count => {
      keys.reader.skip(count)
      values.reader.skip(count)
    },
  }
}

/** What the rows of a group are made of. */
interface OcsfParts {
  readonly rows: ReadonlyMap<string, ColumnRows>
  readonly fields: readonly OcsfField[]
  readonly others: readonly string[]
  readonly direction: readonly string[]
  readonly unmapped: MapRows | undefined
  readonly name: { bucket: string; key: string }
}

class OcsfRows {
  readonly #parts: OcsfParts

  constructor(parts: OcsfParts) {
    this.#parts = parts
  }

  skip(count: number): void {
    for (const rows of this.#parts.rows.values()) rows.skip(count)
    this.#parts.unmapped?.skip(count)
  }

  /** Words by column of the header. @throws FlowError OBJECT_FORMAT for events of another kind. */
  words(count: number): string[][] {
    const { rows, fields, others, direction, unmapped, name } = this.#parts
    const words = new Map<string, string[]>()
    for (const [path, reader] of rows) words.set(path, reader.words(count))
    const kind = words.get(classPath)?.find(word => word !== networkActivity && word !== '-')
    if (kind !== undefined) throw new FlowError('OBJECT_FORMAT', { ...name, detail: `Parquet with OCSF events of class ${kind}` })
    const product = words.get(productPath)?.find(word => word !== '-' && !/vpc/i.test(word))
    if (product !== undefined)
      throw new FlowError('OBJECT_FORMAT', { ...name, detail: `Parquet with OCSF events of the product ${product}` })
    const wordsAt = (paths: readonly string[]): string[][] => paths.map(path => words.get(path)!)
    const directions = firstWords(wordsAt(direction), ocsfDirection.words, count)
    const columns = fields.map(({ how, paths, words: known }) => {
      const found = wordsAt(paths)
      const isSided = how === 'side' && found.length === 2
      return isSided ? sideWords(found[0]!, found[1]!, directions) : firstWords(found, known, count)
    })
    for (const path of others) columns.push(words.get(path)!)
    if (unmapped !== undefined) this.#addUnmapped(columns, unmapped.take(count))
    return columns
  }

  /** Fills in the fields that stand in the map; the rest of it is one more column. */
  #addUnmapped(columns: string[][], maps: readonly Map<string, unknown>[]): void {
    const { fields } = this.#parts
    for (const [i, { field, paths }] of fields.entries()) {
      if (paths.length > 0) continue
      const wordOf = wordsOf(field)
      const key = field.replaceAll('-', '_')
      columns[i] = maps.map(map => {
        const word = wordOf(map.get(key) ?? map.get(field))
        map.delete(key)
        map.delete(field)
        return word
      })
    }
    const wordOf = wordsOf('unmapped')
    columns.push(maps.map(map => (map.size === 0 ? '-' : wordOf(Object.fromEntries(map)))))
  }
}

/** For each row the first word that is there, as the flow log says it. */
function firstWords(found: readonly string[][], known: OcsfField['words'], count: number): string[] {
  if (known === undefined && found.length === 1) return found[0]!
  return Array.from({ length: count }, (_unused, i) => {
    for (const words of found) {
      const word = known === undefined ? words[i]! : Object.hasOwn(known, words[i]!) ? known[words[i]!]! : '-'
      if (word !== '-') return word
    }
    return '-'
  })
}

/** For each row the word of the endpoint that is the interface; where the direction is not said, of the one that has a word. */
const sideWords = (destination: readonly string[], source: readonly string[], directions: readonly string[]): string[] =>
  directions.map((direction, i) => {
    const [first, second] = direction === 'egress' ? [source[i]!, destination[i]!] : [destination[i]!, source[i]!]
    return first === '-' ? second : first
  })
