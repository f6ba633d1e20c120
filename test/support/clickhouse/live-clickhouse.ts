/**
 * A real ClickHouse for tests: that of FLOWLOOM_TEST_ENDPOINTS, else one of the calling file; each test takes a database of its own. A file leaves
 * its databases to those that follow (kept-databases.ts): the tables and views of a new one take the server a second and a half of CPU.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkConfig, type Config } from '../../../config/config.ts'
import { connectClickHouse, identifier } from '../../../sinks/clickhouse/clickhouse-client.ts'
import { migrate } from '../../../sinks/clickhouse/migrate.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'
import { ChildService } from '../../../stack/child-service.ts'
import type { StackEndpoints } from '../../../stack/local-stack.ts'
import { clickhouseService } from '../../../stack/node-services.ts'
import { freePorts } from '../../../stack/ports.ts'
import { keepDatabase, shapeOf, takeDatabase } from './kept-databases.ts'

/** A database: how it is reached, and by what. */
export interface LiveDatabase {
  readonly settings: Config['clickhouse']
  readonly store: Store
}

/** A server and what to do when it is no longer needed. */
export interface LiveClickHouse {
  readonly url: string
  /** A database that does not exist yet. */
  fresh(settings?: Partial<Config['clickhouse']>): LiveDatabase
  /** A database with the tables of this version and no rows: one that was given back or left by another file and is emptied now, else a fresh one. */
  migrated(settings?: Partial<Config['clickhouse']>): Promise<LiveDatabase>
  /** Gives back every database of `migrated` that is not kept: nobody uses them any more. */
  giveBack(): void
  /** Keeps the databases of `migrated` so far for the tests that follow. */
  keep(): void
  stop(): Promise<void>
}

/** Starts a server, or takes the one there is. */
export async function liveClickHouse(): Promise<LiveClickHouse> {
  const given = process.env['FLOWLOOM_TEST_ENDPOINTS']
  const server =
    given === undefined ? await startServer() : { url: (JSON.parse(given) as StackEndpoints).clickhouseUrl, stop: async () => undefined }
  const stores: Store[] = []
  const taken: string[] = []
  const idle: string[] = []
  /** Shape of each database that nobody gave settings of its own, as it was made. */
  const shapes = new Map<string, string>()
  const open = (settings: Partial<Config['clickhouse']>): LiveDatabase => {
    const { clickhouse } = checkConfig({ clickhouse: { url: server.url, ...settings } })
    const store = connectClickHouse(clickhouse)
    stores.push(store)
    return { settings: clickhouse, store }
  }
  const fresh = (settings?: Partial<Config['clickhouse']>): LiveDatabase =>
    open({ database: `t${randomBytes(4).toString('hex')}`, ...settings })
  return {
    url: server.url,
    fresh,
    migrated: async settings => {
      const own = idle.pop()
      const used = own ?? takeDatabase()
      const database = used === undefined ? fresh(settings) : open({ database: used, ...settings })
      const { store } = database
      if (used !== undefined) await empty(store)
      await migrate(store, database.settings)
      if (settings !== undefined) shapes.delete(store.database)
      else if (own === undefined) shapes.set(store.database, await shapeOf(store))
      taken.push(store.database)
      return database
    },
    giveBack: () => void idle.push(...taken.splice(0)),
    keep: () => void taken.splice(0),
    stop: async () => {
      try {
        if (given !== undefined)
          for (const store of new Map(stores.map(store => [store.database, store])).values()) await leave(store, shapes.get(store.database))
      } finally {
        for (const store of stores) await store.close()
        await server.stop()
      }
    },
  }
}

/** Leaves a database to files that follow if it has the shape that it was made with, else removes it. */
async function leave(store: Store, shape: string | undefined): Promise<void> {
  if (shape !== undefined && (await shapeOf(store)) === shape && keepDatabase(store.database)) return
  await store.command(`DROP DATABASE IF EXISTS ${identifier(store.database)} SYNC`)
}

/** Removes all rows, and with them what the server remembers of inserts. Tables and views stay as they are, and what is remembered of them. */
async function empty(store: Store): Promise<void> {
  const tables = await store.query<{ name: string }>(
    "SELECT name FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree' AND name NOT IN ('schema_migrations', 'schema_views')",
    { database: store.database },
  )
  for (const { name } of tables) await store.command(`TRUNCATE TABLE ${identifier(store.database)}.${identifier(name)}`)
}

async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'flowloom-clickhouse-'))
  const { clickhouse: port } = await freePorts()
  const service = new ChildService(clickhouseService({ port, folder }), { logs: folder, run: folder }, () => undefined)
  await service.start()
  const stop = async (): Promise<void> => {
    await service.stop()
    rmSync(folder, { recursive: true, force: true })
  }
  return { url: `http://127.0.0.1:${port}`, stop }
}
