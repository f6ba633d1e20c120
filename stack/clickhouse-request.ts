import type { IncomingMessage } from 'node:http'
import type { RequestContext } from './clickhouse-engine.ts'

/** A request to the HTTP interface, without its body. */
export interface ClickHouseRequest {
  /** True for `/ping` and for a GET without a query. */
  ping: boolean
  queryId: string | undefined
  /** The statement, or its beginning; the rest is in the body. */
  sql: string
  defaultFormat: string
  gzip: boolean
  context: RequestContext
}

/** URL parameters that are not settings. */
const reserved = new Set([
  'query',
  'database',
  'user',
  'password',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'default_format',
  'compress',
  'decompress',
  'enable_http_compression',
  'wait_end_of_query',
  'buffer_size',
  'role',
  'quota_key',
  'close_session',
  'client_protocol_version',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'cancel_http_readonly_queries_on_client_close',
  'add_http_cors_header',
  'stacktrace',
])

/** Reads the URL and the headers of a request. User and password are not looked at. */
export function readRequest(request: IncomingMessage): ClickHouseRequest {
  const url = new URL(request.url ?? '/', 'http://stack')
  const query = url.searchParams
  const header = (name: string): string => {
    const value = request.headers[name]
    return typeof value === 'string' ? value : ''
  }
  const sessionId = query.get('session_id')
  return {
    ping: url.pathname === '/ping' || (request.method === 'GET' && !query.has('query')),
    queryId: query.get('query_id') ?? undefined,
    sql: query.get('query') ?? '',
    defaultFormat: query.get('default_format') ?? (header('x-clickhouse-format') || 'TabSeparated'),
    gzip: query.get('enable_http_compression') === '1' && /\bgzip\b/.test(header('accept-encoding')),
    context: {
      database: query.get('database') ?? header('x-clickhouse-database'),
      settings: new Map([...query].filter(([name]) => !reserved.has(name))),
      ...(sessionId === null ? {} : { sessionId }),
      sessionTimeoutS: Number(query.get('session_timeout') ?? '60'),
    },
  }
}

/** Format of the result: the one that the statement names, else the default. */
export const resultFormat = (sql: string, defaultFormat: string): string =>
  /\bFORMAT\s+(\w+)\s*(?:SETTINGS\b[\s\S]*)?$/i.exec(sql.slice(-65_536))?.[1] ?? defaultFormat

/** Content type of a result in a format. */
export function contentType(format: string): string {
  if (/^JSON$|^JSONCompact$|^JSONStrings$|^JSONColumns|^JSONObject/.test(format)) return 'application/json; charset=UTF-8'
  if (format.startsWith('JSON')) return 'application/x-ndjson; charset=UTF-8'
  if (format.startsWith('CSV')) return 'text/csv; charset=UTF-8'
  if (/^(?:RowBinary|Native|Parquet|Arrow|Avro)/.test(format)) return 'application/octet-stream'
  return 'text/tab-separated-values; charset=UTF-8'
}
