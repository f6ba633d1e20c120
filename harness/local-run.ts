/** All roles in this process, started and stopped as often as a test likes. */
import { buildParts } from '../operations/run-roles.ts'
import { openSession, type Session } from '../operations/session.ts'
import type { RawConfig } from '../config/config.ts'
import { runParts } from '../runtime/lifecycle.ts'
import type { AtPoint } from '../runtime/task.ts'
import { connectClickHouse } from '../sinks/clickhouse/clickhouse-client.ts'
import type { Store } from '../sinks/clickhouse/store.ts'
import type { RoleName } from '../topology.ts'
import { migrateTables } from '../sinks/clickhouse/clickhouse-part.ts'

/** A session, and the roles that run on it in this process now. */
export class LocalRun {
  readonly session: Session
  readonly store: Store
  #running: { stop: AbortController; ended: Promise<unknown> } | undefined

  private constructor(session: Session) {
    this.session = session
    this.store = connectClickHouse(session.config.clickhouse)
  }

  /** Opens the deployment, makes topics and tables. */
  static async open(settings: RawConfig): Promise<LocalRun> {
    const session = await openSession({ overrides: settings }, new AbortController().signal)
    await migrateTables(session.config.clickhouse)
    return new LocalRun(session)
  }

  /** Bucket of the only source. */
  get bucket(): string {
    return this.session.config.s3.sources[0]!.bucket
  }

  /** Starts roles. @param atPoint Told of the points that the parts reach. */
  start(roles: readonly RoleName[] = ['discover', 'fetch', 'enrich', 'ip-context', 'clickhouse'], atPoint?: AtPoint): void {
    const stop = new AbortController()
    // The cluster is closed by `close`, not by each run.
    const parts = buildParts(this.session, roles, atPoint).parts.filter(part => part.name !== 'cluster')
    const ended = runParts(parts, stop.signal, 20_000, this.session.log)
    ended.catch(() => undefined)
    this.#running = { stop, ended }
  }

  /** Stops what runs, in order. */
  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    running?.stop.abort()
    await running?.ended
  }

  /** Stops, and closes the clients. */
  async close(): Promise<void> {
    await this.stop().catch(() => undefined)
    await this.store.close()
    await this.session.cluster.close()
  }
}
