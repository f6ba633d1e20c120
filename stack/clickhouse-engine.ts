import { Session } from 'chdb'
import { quoteName, quoteText } from './clickhouse-insert.ts'

/** What holds for one request: its database, settings and query parameters. */
export interface RequestContext {
  database: string
  /** By name; query parameters are named `param_<name>`. */
  settings: ReadonlyMap<string, string>
  /** Keeps temporary tables and settings for later requests of the same id. */
  sessionId?: string
  sessionTimeoutS: number
}

/** What a statement gave. */
export interface StatementResult {
  bytes: Uint8Array
  rowsRead: number
  bytesRead: number
}

interface NamedSession {
  session: Session
  busy: boolean
  timer: NodeJS.Timeout
}

/**
 * The embedded engine on one data folder. A further chdb session on the same folder takes a millisecond, shares tables, and has settings
 * of its own: so each request gets one, settings never leak, and requests run side by side.
 */
export class ClickHouseEngine {
  readonly version: string
  readonly #folder: string
  readonly #base: Session
  readonly #named = new Map<string, NamedSession>()

  /** @throws Where another process has the folder open. */
  constructor(folder: string) {
    this.#folder = folder
    this.#base = new Session(folder)
    this.version = this.#base.query('SELECT version()', 'TSV').trim()
  }

  /**
   * Runs one statement without blocking this thread.
   *
   * @param format Of the result, unless the statement names one.
   * @throws The error of the engine; its message starts with `Code: N.`
   */
  async run(sql: string, format: string, context: RequestContext): Promise<StatementResult> {
    const { session, release } = this.#acquire(context)
    try {
      if (context.database !== '' && context.database !== 'default') session.query(`USE ${quoteName(context.database)}`)
      for (const [name, value] of context.settings) session.query(`SET ${quoteName(name)} = ${quoteText(value)}`)
      const result = await session.queryAsync(sql, { format })
      return { bytes: result.bytes(), rowsRead: result.rowsRead, bytesRead: result.bytesRead }
    } finally {
      release()
    }
  }

  /** Closes the data folder; no statement may run. */
  close(): void {
    for (const { session, timer } of this.#named.values()) {
      clearTimeout(timer)
      session.close()
    }
    this.#base.close()
  }

  #acquire({ sessionId, sessionTimeoutS }: RequestContext): { session: Session; release: () => void } {
    if (sessionId === undefined) {
      const session = new Session(this.#folder)
      return { session, release: () => session.close() }
    }
    const known = this.#named.get(sessionId)
    if (known?.busy === true)
      throw new Error(`Code: 373. DB::Exception: Session ${sessionId} is locked by a concurrent client. (SESSION_IS_LOCKED)`)
    clearTimeout(known?.timer)
    const session = known?.session ?? new Session(this.#folder)
    const expire = (): void => {
      this.#named.delete(sessionId)
      session.close()
    }
    const keep = (busy: boolean): void => {
      const timer = setTimeout(busy ? () => undefined : expire, sessionTimeoutS * 1000)
      this.#named.set(sessionId, { session, busy, timer: timer.unref() })
    }
    keep(true)
    return {
      session,
      release: () => {
        clearTimeout(this.#named.get(sessionId)?.timer)
        keep(false)
      },
    }
  }
}
