/** Which rows of a range the table has already: asked if the server may have forgotten the token of the range. */
import { Looks } from '../../runtime/ranges/looks.ts'
import { identifier, quoted } from './clickhouse-client.ts'
import { looksFailed } from './metrics.ts'
import type { Store, TableName } from './store.ts'

/** Where rows that are looked for are. */
export interface Place {
  /** Each object with the names of its rows that are looked for. */
  readonly objects: ReadonlyMap<bigint, readonly string[]>
  /** Unix seconds in which the rows start, from and to (included); undefined: the table has no such column. */
  readonly starts?: readonly [number, number]
}

/** How a look is put: what tells a row of an object from its others, and where to look. */
export interface StoredQuestion {
  readonly table: TableName
  /** SQL of a text that names the row within its object. */
  readonly row: string
  /** In the order of time, if they have one. */
  readonly places: readonly Place[]
}

/** Objects in one question: 40 KB of SQL. The names of the rows come to that, at most those of a range. */
const objectsAtOnce = 2000

/** Places (days of `flows`) in one question. The server takes the longer to plan a question the more times it names. */
const mostPlaces = 8

/**
 * Part of the time for a question that the server itself may take. It then ends a question before the client gives up, and tells it; what it
 * does not end in time is cancelled by its id.
 */
const serverShare = 0.8

/** Rows that a table has; each can be taken as often as it is there. */
export class StoredRows {
  readonly #counts = new Map<string, number>()

  add(object: string, row: string): void {
    const key = `${object} ${row}`
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  /** @returns False if the table does not have the row (once more). */
  take(object: bigint, row: string): boolean {
    const key = `${object} ${row}`
    const count = this.#counts.get(key) ?? 0
    if (count > 0) this.#counts.set(key, count - 1)
    return count > 0
  }
}

/** Looks for the rows of ranges, one look at a time in a process. */
export class StoredLooks {
  readonly #store: Store
  readonly #looks = new Looks<Place>({ mostPlaces, mostWeight: objectsAtOnce, weightOf: ({ objects }) => objects.size })

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * Asks which of the rows of some places the table has. The server leaves out the lines of the same objects that other partitions and ranges
   * have, so an answer has no more rows than the question.
   *
   * @param signal Ended: no further piece is asked.
   */
  async find(question: StoredQuestion, signal?: AbortSignal): Promise<StoredRows> {
    const store = this.#store
    const { table } = question
    const stored = new StoredRows()
    await this.#looks.run(
      {
        places: question.places.flatMap(place => divided(place)),
        begin: async () => store.catchUp?.(table),
        ask: async piece => {
          const answer = await store.query<{ object: string; rows: string[] }>(storedSql(question, piece, store.questionMs))
          for (const { object, rows } of answer) for (const row of rows) stored.add(object, row)
        },
        failed: () => looksFailed.inc({ table }),
      },
      signal,
    )
    return stored
  }
}

/** A place of more objects than one question may have, as several. */
function divided({ objects, ...place }: Place): Place[] {
  if (objects.size <= objectsAtOnce) return [{ ...place, objects }]
  const all = [...objects]
  return Array.from({ length: Math.ceil(all.length / objectsAtOnce) }, (_, i) => ({
    ...place,
    objects: new Map(all.slice(i * objectsAtOnce, (i + 1) * objectsAtOnce)),
  }))
}

function storedSql({ table, row }: StoredQuestion, piece: readonly Place[], questionMs: number | undefined): string {
  const wanted = new Map<bigint, string[]>()
  for (const { objects } of piece)
    for (const [object, names] of objects) {
      const all = named(wanted, object)
      for (const name of names) all.push(name)
    }
  const times = piece.flatMap(({ starts }) =>
    starts === undefined ? [] : [`(start >= toDateTime(${starts[0]}) AND start <= toDateTime(${starts[1]}))`],
  )
  const where = [`object_id IN (${[...wanted.keys()].join(', ')})`, ...(times.length === 0 ? [] : [`(${times.join(' OR ')})`])]
  const limit =
    questionMs === undefined ? '' : ` SETTINGS max_execution_time = ${Math.max(1, Math.floor((questionMs * serverShare) / 1000))}`
  // Texts, because the server reads one faster than it would a literal for each row.
  const entries = [...wanted].map(([object, names]) => `(${object}, ${quoted(names.join('\n'))})`)
  return `SELECT toString(object_id) AS object, groupArray(name) AS rows
FROM (SELECT object_id, ${row} AS name FROM ${identifier(table)} WHERE ${where.join(' AND ')})
WHERE (object_id, name) IN (
  SELECT toUInt64(entry.1), arrayJoin(splitByChar('\\n', entry.2)) FROM (SELECT arrayJoin([${entries.join(', ')}]) AS entry)
)
GROUP BY object_id${limit}`
}

/** Days (UTC) of some rows with the objects and names of each, from its first second to its last, in order: narrow in a table sorted by time. */
export function placesByDay(rows: Iterable<readonly [start: number, object: bigint, name: string]>): Place[] {
  const days = new Map<number, { objects: Map<bigint, string[]>; starts: [number, number] }>()
  for (const [start, object, name] of rows) {
    const day = Math.floor(start / 86_400)
    let place = days.get(day)
    if (place === undefined) days.set(day, (place = { objects: new Map(), starts: [start, start] }))
    named(place.objects, object).push(name)
    if (start < place.starts[0]) place.starts[0] = start
    if (start > place.starts[1]) place.starts[1] = start
  }
  return [...days.values()].sort((a, b) => a.starts[0] - b.starts[0])
}

/** The names of rows of some objects, for a table without times. */
export function placeOf(rows: Iterable<readonly [object: bigint, name: string]>): Place {
  const objects = new Map<bigint, string[]>()
  for (const [object, name] of rows) named(objects, object).push(name)
  return { objects }
}

function named(objects: Map<bigint, string[]>, object: bigint): string[] {
  let names = objects.get(object)
  if (names === undefined) objects.set(object, (names = []))
  return names
}
