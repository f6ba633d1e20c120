/** A real ClickHouse for tests: that of FLOWLOOM_TEST_ENDPOINTS, else one of the calling file; each test takes a database of its own. */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkConfig, type Config } from '../../config/config.ts'
import { connectClickHouse, identifier } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { ChildService } from '../../stack/child-service.ts'
import type { StackEndpoints } from '../../stack/local-stack.ts'
import { clickhouseService } from '../../stack/node-services.ts'
import { freePorts } from '../../stack/ports.ts'

/** A server and what to do when it is no longer needed. */
export interface LiveClickHouse {
  readonly url: string
  /** Settings and store of a database that does not exist yet. */
  fresh(settings?: Partial<Config['clickhouse']>): { settings: Config['clickhouse']; store: Store }
  stop(): Promise<void>
}

/** Starts a server, or takes the one there is. */
export async function liveClickHouse(): Promise<LiveClickHouse> {
  const given = process.env['FLOWLOOM_TEST_ENDPOINTS']
  const server =
    given === undefined ? await startServer() : { url: (JSON.parse(given) as StackEndpoints).clickhouseUrl, stop: async () => undefined }
  const stores: Store[] = []
  return {
    url: server.url,
    fresh: settings => {
      const { clickhouse } = checkConfig({ clickhouse: { url: server.url, database: `t${randomBytes(4).toString('hex')}`, ...settings } })
      const store = connectClickHouse(clickhouse)
      stores.push(store)
      return { settings: clickhouse, store }
    },
    stop: async () => {
      try {
        for (const store of stores)
          await store.command(`DROP DATABASE IF EXISTS ${identifier(store.database)} SYNC`).finally(() => store.close())
      } finally {
        await server.stop()
      }
    },
  }
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
