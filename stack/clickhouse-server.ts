/**
 * The HTTP interface of ClickHouse on 127.0.0.1 over the embedded engine (chdb), as a process of its own: `@clickhouse/client` uses it
 * unchanged. No users, no `system.query_log`, no streaming of results.
 *
 * Usage: node stack/clickhouse-server.ts --port 8123 --data <folder>
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { SpooledBody } from './clickhouse-body.ts'
import { ClickHouseEngine } from './clickhouse-engine.ts'
import { clickhouseFault } from './clickhouse-error.ts'
import { insertFromFile, readDataInsert, splitInlineInsert } from './clickhouse-insert.ts'
import type { DataInsert } from './clickhouse-insert.ts'
import { contentType, readRequest, resultFormat } from './clickhouse-request.ts'

process.env['TZ'] = 'UTC'

const { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' } } })
const port = Number(values.port)
const folder = values.data ?? ''
const spoolFolder = join(folder, 'spool')
rmSync(spoolFolder, { recursive: true, force: true })
mkdirSync(spoolFolder, { recursive: true })

const compress = promisify(gzip)
const engine = new ClickHouseEngine(join(folder, 'engine'))
let running = 0

const server = createServer((request, response) => {
  running++
  void answer(request, response).finally(() => running--)
})
server.keepAliveTimeout = 10_000
server.requestTimeout = 0
server.listen(port, '127.0.0.1', () => console.error(`ClickHouse ${engine.version} (chdb) listens on 127.0.0.1:${port}`))
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop())

async function stop(): Promise<void> {
  server.close()
  while (running > 0) await sleep(20)
  server.closeAllConnections()
  engine.close()
  process.exit(0)
}

async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const started = performance.now()
  const bodies: SpooledBody[] = []
  try {
    const request = readRequest(message)
    if (request.ping) {
      response.setHeader('content-type', 'text/plain; charset=UTF-8').end('Ok.\n')
      return
    }
    response.setHeader('x-clickhouse-query-id', request.queryId ?? randomUUID())
    response.setHeader('x-clickhouse-timezone', 'UTC')
    response.setHeader('x-clickhouse-server-display-name', 'chdb')

    const statement = await readStatement(message, request.sql, bodies)
    const format = resultFormat(statement.sql, request.defaultFormat)
    const result = await engine.run(statement.sql, format, request.context)
    const written = statement.inserts ? result : { rowsRead: 0, bytesRead: 0 }
    const body = statement.inserts ? new Uint8Array() : result.bytes
    response.setHeader('x-clickhouse-format', format).setHeader('content-type', contentType(format))
    response.setHeader('x-clickhouse-summary', summary(result, written, body.length, performance.now() - started))
    if (request.gzip) response.setHeader('content-encoding', 'gzip').end(await compress(body, { level: 1 }))
    else response.end(body)
  } catch (error) {
    message.resume()
    const fault = clickhouseFault(error, engine.version)
    if (response.headersSent) response.destroy()
    else
      response
        .writeHead(fault.status, { 'x-clickhouse-exception-code': String(fault.code), 'content-type': 'text/plain; charset=UTF-8' })
        .end(fault.text)
  } finally {
    await Promise.all(bodies.map(body => body.remove()))
  }
}

/** Puts the statement together from URL and body; rows stay in their file. Files in use are added to `bodies`. */
async function readStatement(message: IncomingMessage, urlSql: string, bodies: SpooledBody[]): Promise<{ sql: string; inserts: boolean }> {
  const keep = (body: SpooledBody): SpooledBody => {
    bodies.push(body)
    return body
  }
  if (message.method !== 'POST') return { sql: trim(urlSql), inserts: false }
  const body = keep(await SpooledBody.receive(message, spoolFolder))
  const insert = readDataInsert(urlSql)
  if (insert !== undefined) return fromFile(insert, body)
  const inline = urlSql === '' ? splitInlineInsert(await body.head()) : undefined
  if (inline !== undefined) return fromFile(inline.statement, keep(await body.from(inline.dataOffset)))
  return { sql: trim([urlSql, readFileSync(body.file, 'utf8')].filter(part => part !== '').join('\n')), inserts: false }
}

const fromFile = (insert: DataInsert, body: SpooledBody): { sql: string; inserts: boolean } =>
  // The engine refuses an empty file, where the server takes it as no rows.
  body.bytes === 0 ? { sql: 'SELECT 1 WHERE 0', inserts: true } : { sql: insertFromFile(insert, body.file), inserts: true }

function trim(sql: string): string {
  const trimmed = sql.trim().replace(/;\s*$/, '')
  if (trimmed === '') throw new Error('Code: 62. DB::Exception: Syntax error: empty query. (SYNTAX_ERROR)')
  return trimmed
}

/** Numbers of a request; the engine counts rows that an insert read, not those that it wrote. */
const summary = (
  read: { rowsRead: number; bytesRead: number },
  written: { rowsRead: number; bytesRead: number },
  resultBytes: number,
  ms: number,
): string =>
  JSON.stringify({
    read_rows: String(read.rowsRead),
    read_bytes: String(read.bytesRead),
    written_rows: String(written.rowsRead),
    written_bytes: String(written.bytesRead),
    total_rows_to_read: '0',
    result_rows: '0',
    result_bytes: String(resultBytes),
    elapsed_ns: String(Math.round(ms * 1e6)),
  })
