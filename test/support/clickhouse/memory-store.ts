/** ClickHouse in memory for tests of the sink: blocks are decoded to rows, tokens are remembered, inserts can be made to fail. */
import { FlowError } from '../../../runtime/errors.ts'
import type { NativeBlock } from '../../../sinks/clickhouse/native-writer.ts'
import type { Store, TableName } from '../../../sinks/clickhouse/store.ts'
import { readNative, type NativeCell } from '../records/native-rows.ts'

/**
 * `before`: the insert does not reach the table; `after`: it does, but its answer is lost; `part`: only its first parts reach the table (an
 * insert makes one for each day of its flows).
 */
export type InsertFailure = 'before' | 'after' | 'part'

/** One call of `insert`. */
export interface SeenInsert {
  readonly table: TableName
  readonly token: string | null
  readonly rows: number
  /** False: the token was known. */
  readonly kept: boolean
}

const textOf = (cell: NativeCell | undefined): string => (typeof cell === 'object' ? JSON.stringify(cell) : String(cell))

/** A store that keeps decoded rows by table and tokens of inserts, and fails when it is told to. */
export class MemoryStore implements Store {
  readonly database = 'memory'
  readonly inserts: SeenInsert[] = []
  /** Asked before each insert. */
  fail: (table: TableName, token: string | null) => InsertFailure | undefined = () => undefined
  /** Waited for before each insert: lets inserts hang. */
  gate: Promise<void> = Promise.resolve()
  /** Inserts that have begun and not ended, with their rows. */
  readonly open = new Set<{ readonly table: TableName; readonly rows: number }>()
  readonly #rows = new Map<TableName, Record<string, NativeCell>[]>()
  /** Parts of each table whose tokens are remembered. */
  window = Infinity
  /** Questions that were put, in order. */
  readonly questions: string[] = []
  /** Waited for in each question: lets questions take long, or be given up. */
  answer: (sql: string) => Promise<void> = () => Promise.resolve()
  readonly #tokens = new Map<TableName, string[]>()

  rows(table: TableName): readonly Record<string, NativeCell>[] {
    return this.#rows.get(table) ?? []
  }

  /** Gives a table rows that another store has. */
  have(table: TableName, rows: readonly Record<string, NativeCell>[]): void {
    this.#rows.set(table, [...this.rows(table), ...rows])
  }

  async insert(table: TableName, block: NativeBlock, token: string | null): Promise<void> {
    const failure = this.fail(table, token)
    const rows = readNative(block.bytes)
    const call = { table, rows: rows.length }
    this.open.add(call)
    await this.gate
    this.open.delete(call)
    const lost = new FlowError('CLICKHOUSE_UNAVAILABLE', { url: 'memory', detail: `lost ${failure ?? ''}` })
    if (failure === 'before') throw lost
    const parts = [...Map.groupBy(rows, row => (table === 'flows' ? Math.floor(Number(row['start']) / 86_400) : 0))]
    const written = failure === 'part' ? parts.slice(0, Math.ceil(parts.length / 2)) : parts
    const kept = written.filter(([day]) => token === null || this.#remember(table, `${token} ${day}`))
    this.inserts.push({ table, token, rows: rows.length, kept: kept.length > 0 })
    this.#rows.set(table, [...this.rows(table), ...kept.flatMap(([, part]) => part)])
    if (failure === 'after' || failure === 'part') throw lost
  }

  /** Lets others write so many parts to each table: older tokens are forgotten. */
  passParts(count: number): void {
    for (const table of ['flows', 'flow_gaps', 'dead_letters'] as const)
      for (let i = 0; i < Math.min(count, this.window); i++) this.#remember(table, `other ${Math.random()}`)
  }

  /** @returns False if the token was known. */
  #remember(table: TableName, token: string): boolean {
    const known = this.#tokens.get(table) ?? []
    if (known.includes(token)) return false
    this.#tokens.set(table, [...known, token].slice(-Math.min(this.window, 1e9)))
    return true
  }

  /** Rows of the answers so far. */
  answered = 0

  /** Answers which rows of some objects a table has, and knows no other question. */
  async query<T>(sql: string): Promise<T[]> {
    this.questions.push(sql)
    await this.answer(sql)
    const table = / FROM `(\w+)` /.exec(sql)?.[1] as TableName | undefined
    const objects = / object_id IN \(([\d, ]+)\)/.exec(sql)?.[1]?.split(', ')
    if (table === undefined || objects === undefined) return []
    const times = [...sql.matchAll(/start >= toDateTime\((\d+)\) AND start <= toDateTime\((\d+)\)/g)]
    const asked = this.rows(table).filter(
      row =>
        objects.includes(textOf(row['object_id'])) &&
        (times.length === 0 || times.some(([, from, to]) => Number(row['start']) >= Number(from) && Number(row['start']) <= Number(to))),
    )
    const nameOf = (row: Record<string, NativeCell>): string =>
      table === 'dead_letters' ? [row['line'], row['attempt'], row['stage'], row['recorded_at']].map(textOf).join(' ') : textOf(row['line'])
    const wanted = new Set<string>()
    for (const [, object, names] of sql.matchAll(/\((\d+), '([^']*)'\)/g))
      for (const name of names!.split('\n')) wanted.add(`${object} ${name}`)
    return [...Map.groupBy(asked, row => textOf(row['object_id']))].flatMap(([object, rows]) => {
      const names = rows.map(nameOf).filter(name => wanted.has(`${object} ${name}`))
      this.answered += names.length
      return names.length === 0 ? [] : [{ object, rows: names } as T]
    })
  }

  async command(): Promise<void> {
    // there is nothing to run it
  }

  async close(): Promise<void> {
    // nothing is open
  }
}
