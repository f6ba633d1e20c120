/** ClickHouse in memory for tests of the sink: blocks are decoded to rows, tokens are remembered, inserts can be made to fail. */
import { FlowError } from '../../runtime/errors.ts'
import type { NativeBlock } from '../../sinks/clickhouse/native-writer.ts'
import type { Store, TableName } from '../../sinks/clickhouse/store.ts'
import { readNative, type NativeCell } from './native-rows.ts'

/** `before`: the insert does not reach the table; `after`: it does, but its answer is lost. */
export type InsertFailure = 'before' | 'after'

/** One call of `insert`. */
export interface SeenInsert {
  readonly table: TableName
  readonly token: string | null
  readonly rows: number
  /** False: the token was known. */
  readonly kept: boolean
}

/** See the head of this file. */
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
  readonly #tokens = new Set<string>()

  rows(table: TableName): readonly Record<string, NativeCell>[] {
    return this.#rows.get(table) ?? []
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
    const name = `${table} ${token ?? ''}`
    const kept = token === null || !this.#tokens.has(name)
    this.#tokens.add(name)
    this.inserts.push({ table, token, rows: rows.length, kept })
    if (kept) this.#rows.set(table, [...this.rows(table), ...rows])
    if (failure === 'after') throw lost
  }

  async query<T>(): Promise<T[]> {
    return []
  }

  async command(): Promise<void> {
    // there is nothing to run it
  }

  async close(): Promise<void> {
    // nothing is open
  }
}
