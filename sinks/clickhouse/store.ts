/** What the part needs of a ClickHouse server; the real one is clickhouse-client.ts, tests bring their own. */
import type { NativeBlock } from './native-writer.ts'

/** Tables that the part fills. */
export const tableNames = ['flows', 'interfaces', 'flow_gaps', 'dead_letters', 'objects', 'cloud_map', 'dead_letter_replays'] as const
/** One of them. */
export type TableName = (typeof tableNames)[number]

/** Tables in which the part remembers what it made: migrations, and views by their hashes. */
export const memoryTables = ['schema_migrations', 'schema_views'] as const

/** Asks a server what its user may do. */
export interface Grants {
  /**
   * @param privilege As in GRANT.
   * @param on As in GRANT, quoted.
   * @returns undefined if the server is too old to say.
   */
  isGranted(privilege: string, on: string): Promise<boolean | undefined>
}

/** A ClickHouse database. Calls reject with FlowError CLICKHOUSE_UNAVAILABLE, CLICKHOUSE_LOGIN or CLICKHOUSE_REFUSED. */
export interface Store {
  /** Name of the database. */
  readonly database: string
  /** Milliseconds after which a question is given up and cancelled at the server; undefined: never. */
  readonly questionMs?: number
  /**
   * Inserts a block, whole or not at all.
   *
   * @param token The server drops a second insert with the same token; null: insert always.
   */
  insert(table: TableName, block: NativeBlock, token: string | null): Promise<void>
  /**
   * Asks a question; unqualified tables are those of the database.
   *
   * @param parameters Values of `{name:Type}` in the statement.
   * @param database Another database, for questions that must not fail where that of the store does not exist.
   * @returns Rows as objects; 64-bit integers are strings.
   */
  query<T>(sql: string, parameters?: Readonly<Record<string, unknown>>, database?: string): Promise<T[]>
  /**
   * Runs a statement without result. It must name the database, which need not exist. It is written for one server; where there are several,
   * the store makes it the one for all (ddl.ts).
   */
  command(sql: string): Promise<void>
  /**
   * Makes the next questions see every row of the table that any server has acknowledged. Absent: there is one server, or each knows all.
   */
  catchUp?(table: TableName | (typeof memoryTables)[number]): Promise<void>
  close(): Promise<void>
}
