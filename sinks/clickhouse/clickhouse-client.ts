/** The store over HTTP, with the official client. */
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { ClickHouseError, createClient, type ClickHouseClient } from '@clickhouse/client'
import type { ClickHouseSettings } from './settings.ts'
import { errorText, FlowError } from '../../runtime/errors.ts'
import { formOf, insertSettings, questionSettings, statementFor, type ServerForm } from './ddl.ts'
import type { NativeBlock } from './native-writer.ts'
import type { Grants, memoryTables, Store, TableName } from './store.ts'

/**
 * Opens a store; nothing is sent before the first call.
 *
 * @param settings Section `clickhouse` of the configuration.
 */
export const connectClickHouse = (settings: ClickHouseSettings): Store & Grants => new ClickHouseStore(settings)

/** Asks a store that is opened for it, and closes the store however that ends. */
export async function withStore<T>(settings: ClickHouseSettings, ask: (store: Store & Grants) => Promise<T>): Promise<T> {
  const store = connectClickHouse(settings)
  try {
    return await ask(store)
  } finally {
    await store.close()
  }
}

/** What a server says that does not know the statement. */
const syntaxError = '62'

/** Below the keep-alive time-out of every server version, so that a request never meets a socket that the server is closing. */
const idleSocketMs = 2000

/** Bytes of a statement that a server reads unless a setting says more. */
const querySize = 262_144

/** Limit for the cancelling of a question. */
const cancelMs = 5000

/** Codes of a refused login: unknown user, wrong or missing password, authentication failed. */
const loginCodes: ReadonlySet<string> = new Set(['192', '193', '194', '516'])

/** What to do about another refusal, by its code. */
const advice: Readonly<Record<string, string>> = {
  60: 'the role clickhouse makes the tables at its start: run it, or check clickhouse.database',
  81: 'the role clickhouse makes the database at its start: run it, or check clickhouse.database',
}

/** The first line of what the server says, and what to do. */
function refusalText({ code, message }: ClickHouseError): string {
  const said = message
    .trim()
    .replace(/\s*\n[^]*$/, '')
    .replace(/\.$/, '')
  const todo = loginCodes.has(code) ? 'check clickhouse.username and clickhouse.password' : advice[code]
  return todo === undefined ? said : `${said}; ${todo}`
}

class ClickHouseStore implements Store, Grants {
  readonly database: string
  readonly questionMs: number
  readonly #url: string
  readonly #client: ClickHouseClient
  readonly #form: ServerForm
  readonly #insertSettings: string

  constructor(settings: ClickHouseSettings) {
    this.database = settings.database
    this.questionMs = settings.insertTimeoutMs
    this.#url = settings.url
    this.#form = formOf(settings)
    this.#insertSettings = insertSettings(this.#form, settings)
    this.#client = createClient({
      url: settings.url,
      username: settings.username,
      ...(settings.password === undefined ? {} : { password: settings.password }),
      application: 'flowloom',
      request_timeout: settings.insertTimeoutMs,
      keep_alive: { enabled: true, idle_socket_ttl: idleSocketMs },
      compression: { request: false, response: false },
      // The client logs what it also throws.
      log: { level: 127 },
    })
  }

  async insert(table: TableName, block: NativeBlock, token: string | null): Promise<void> {
    const deduplicate = token === null ? 'insert_deduplicate = 0' : `insert_deduplicate = 1, insert_deduplication_token = ${quoted(token)}`
    // The defaults of async_insert and of deduplication differ between versions of the server: all are set here. A block may span any number of days.
    const options = `async_insert = 0, max_partitions_per_insert_block = 0, ${deduplicate}${this.#insertSettings}`
    const query = `INSERT INTO ${identifier(this.database)}.${identifier(table)} (${block.columns.map(identifier).join(', ')}) SETTINGS ${options} FORMAT Native`
    await this.#attempt(async () => {
      const { stream } = await this.#client.exec({
        query,
        values: Readable.from([block.bytes]),
        clickhouse_settings: { wait_end_of_query: 1 },
      })
      await finished(stream.resume())
    })
  }

  async query<T>(sql: string, parameters: Readonly<Record<string, unknown>> = {}, database = this.database): Promise<T[]> {
    const id = randomUUID()
    const ask = async (): Promise<T[]> => {
      const result = await this.#client.query({
        query: sql,
        query_id: id,
        format: 'JSONEachRow',
        query_params: { ...parameters },
        http_headers: { 'X-ClickHouse-Database': database },
        clickhouse_settings: {
          output_format_json_quote_64bit_integers: 1,
          output_format_json_quote_denormals: 1,
          ...questionSettings(this.#form),
          ...(2 * sql.length < querySize ? {} : { max_query_size: String(4 * sql.length) }),
        },
      })
      return result.json<T>()
    }
    return this.#attempt(async () => {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof ClickHouseError)) await this.#cancel(id)
        throw error
      }
    })
  }

  /** A question that was given up goes on at the server, and slows the next one. The server may be the one that does not answer: it is not waited for long. */
  async #cancel(id: string): Promise<void> {
    const on = this.#form.kind === 'cluster' ? ` ON CLUSTER ${identifier(this.#form.name)}` : ''
    await this.#client
      .command({ query: `KILL QUERY${on} WHERE query_id = ${quoted(id)} SYNC`, abort_signal: AbortSignal.timeout(cancelMs) })
      .catch(() => undefined)
  }

  async command(sql: string): Promise<void> {
    await this.#attempt(async () =>
      this.#client.command({ query: statementFor(this.#form, sql), clickhouse_settings: { wait_end_of_query: 1 } }),
    )
  }

  async catchUp(table: TableName | (typeof memoryTables)[number]): Promise<void> {
    if (this.#form.kind === 'cluster') await this.command(`SYSTEM SYNC REPLICA ${identifier(this.database)}.${identifier(table)}`)
  }

  async isGranted(privilege: string, on: string): Promise<boolean | undefined> {
    try {
      return await this.#attempt(async () => {
        // the statement takes no FORMAT: the answer is one number in the default format of the server
        const { stream } = await this.#client.exec({ query: `CHECK GRANT ${privilege} ON ${on}` })
        return /^\D*1\D*$/.test(await text(stream))
      })
    } catch (error) {
      if (error instanceof FlowError && error.details['code'] === syntaxError) return undefined
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  async #attempt<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (cause) {
      if (cause instanceof ClickHouseError) {
        const code = loginCodes.has(cause.code) ? 'CLICKHOUSE_LOGIN' : 'CLICKHOUSE_REFUSED'
        throw new FlowError(code, { url: this.#url, code: cause.code, detail: refusalText(cause) }, { cause })
      }
      throw new FlowError('CLICKHOUSE_UNAVAILABLE', { url: this.#url, detail: errorText(cause) }, { cause })
    }
  }
}

/** A text literal. */
export const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`

/** A name, whatever is in it. */
export const identifier = (name: string): string => `\`${name.replace(/[\\`]/g, '\\$&')}\``
