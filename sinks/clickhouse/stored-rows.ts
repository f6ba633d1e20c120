/** Which rows of a range the table has already: asked where the server may have forgotten the token of the range. */
import type { Store, TableName } from './store.ts'
import { identifier } from './clickhouse-client.ts'

/** What of a range was found. */
export interface StoredPart {
  /** Rows that were left out, because the table has them. */
  readonly found: number
  /**
   * Some part of the table (all rows of a day of `flows`) has a part of its rows only. The rest is inserted with a token of its own: the
   * server may still know the first one, and would drop the rest.
   */
  readonly broken: boolean
}

/** How a question is put: what tells a row of an object from its others, and where to look. */
export interface StoredQuestion {
  readonly table: TableName
  /** SQL of a text that names the row within its object. */
  readonly row: string
  /** Objects of the rows that are looked for. */
  readonly objects: Iterable<bigint>
  /** Unix seconds in which the rows start, from and to (included); undefined: the table has no such column. */
  readonly starts?: readonly (readonly [number, number])[]
}

/** Objects in one question: 100 KB of SQL, below the server's `max_query_size`. */
const objectsAtOnce = 5000

/** Rows that a table has; each can be taken as often as it is there. */
export class StoredRows {
  readonly #counts = new Map<string, number>()

  add(object: string, row: string): void {
    const key = `${object} ${row}`
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  /** @returns False where the table does not have the row (once more). */
  take(object: bigint, row: string): boolean {
    const key = `${object} ${row}`
    const count = this.#counts.get(key) ?? 0
    if (count > 0) this.#counts.set(key, count - 1)
    return count > 0
  }
}

/** Asks for the rows of some objects. The answer may have rows of other ranges too. */
export async function findStored(store: Store, question: StoredQuestion): Promise<StoredRows> {
  await store.catchUp?.(question.table)
  const stored = new StoredRows()
  const objects = [...question.objects]
  for (let from = 0; from < objects.length; from += objectsAtOnce) {
    const answer = await store.query<{ object: string; rows: string[] }>(storedSql(question, objects.slice(from, from + objectsAtOnce)))
    for (const { object, rows } of answer) for (const row of rows) stored.add(object, row)
  }
  return stored
}

function storedSql({ table, row, starts }: StoredQuestion, objects: readonly bigint[]): string {
  const times = starts?.map(([from, to]) => `(start >= toDateTime(${from}) AND start <= toDateTime(${to}))`)
  const where = [`object_id IN (${objects.join(', ')})`, ...(times === undefined ? [] : [`(${times.join(' OR ')})`])]
  return `SELECT toString(object_id) AS object, groupArray(${row}) AS rows FROM ${identifier(table)} WHERE ${where.join(' AND ')} GROUP BY object_id`
}

/** First and last second of the rows of each day (UTC), in order: narrow where a table is sorted by time. */
export function startsByDay(starts: Iterable<number>): [number, number][] {
  const days = new Map<number, [number, number]>()
  for (const start of starts) {
    const day = Math.floor(start / 86_400)
    const known = days.get(day)
    if (known === undefined) days.set(day, [start, start])
    else if (start < known[0]) known[0] = start
    else if (start > known[1]) known[1] = start
  }
  return [...days.values()].sort((a, b) => a[0] - b[0])
}
