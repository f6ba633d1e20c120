/** Runs roles of the path in this process. */
import type { Config } from '../config/config.ts'
import { errorText, FlowError } from '../runtime/errors.ts'
import { HealthServer } from '../runtime/http.ts'
import { RoleRunner } from '../runtime/kafka/role-runner.ts'
import { SideTables } from '../runtime/kafka/side-tables.ts'
import { SourceRunner } from '../runtime/kafka/source-runner.ts'
import { runParts, type Startable } from '../runtime/lifecycle.ts'
import { tellRunning } from '../runtime/processes/parent.ts'
import type { AtPoint } from '../runtime/task.ts'
import { checkPositions } from './check-positions.ts'
import { planRun, prepareParts } from './choose-parts.ts'
import { openSession, untilAvailable, type Session } from './session.ts'

/**
 * Starts the server of health and metrics.
 *
 * @throws FlowError HTTP_PORT if it cannot have the port.
 */
export async function serve(health: HealthServer, { host, port }: Config['http']): Promise<void> {
  try {
    await health.start()
  } catch (cause) {
    throw new FlowError('HTTP_PORT', { host, port, detail: errorText(cause) }, { cause })
  }
}

/** Builds everything that the roles need, in topology order, the health server last to report on all of it. */
export function buildParts(session: Session, roles: readonly string[], atPoint?: AtPoint): { parts: Startable[]; health: HealthServer } {
  const { config, log, cluster, codecs, writers, registry } = session
  const sideTables = new SideTables({ cluster, codecs })
  const options = {
    cluster,
    codecs,
    writers,
    sideTables,
    taskRestartMs: config.run.taskRestartMs,
    loadSchema: (id: number) => registry.loadSchema(id),
    ...(atPoint === undefined ? {} : { atPoint }),
  }
  const parts: Startable[] = []
  const runners: (SourceRunner | RoleRunner)[] = []
  for (const part of planRun(config, roles).parts) {
    const built = part.build({ config, ...(atPoint === undefined ? {} : { atPoint }) })
    const { close } = built
    const known = runners.length
    if (close !== undefined) parts.push({ name: `${part.name} clients`, start: async () => undefined, stop: close })
    for (const source of built.sources ?? []) runners.push(new SourceRunner(source, options))
    for (const role of built.roles ?? []) runners.push(new RoleRunner(role, options))
    parts.push(...runners.slice(known))
  }
  const health = new HealthServer(config.http, {
    notReady: () => [...runners.filter(runner => !runner.ready).map(runner => runner.name), ...sideTables.notReady()],
  })
  parts.unshift({ name: health.name, start: () => serve(health, config.http), stop: () => health.stop() })
  parts.unshift({ name: 'cluster', start: async () => log.debug('cluster known'), stop: () => cluster.close() })
  return { parts, health }
}

/** Opens the session, brings the tables up to date and checks the positions. @returns Undefined if the process was asked to stop before it could begin. */
async function open(file: string | undefined, roles: readonly string[], signal: AbortSignal): Promise<Session | undefined> {
  try {
    const session = await openSession({ file }, signal, true)
    const { parts } = planRun(session.config, roles)
    await untilAvailable(() => prepareParts(session.config, parts, session.log), session.log, signal, true)
    await untilAvailable(() => checkPositions(session, roles), session.log, signal, true)
    return session
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}

/** What to run. */
export interface RunRequest {
  /** File of settings. */
  readonly file: string | undefined
  readonly roles: readonly string[]
  /** A person named the roles: one that has nothing to do is told to the log. */
  readonly named: boolean
}

/** Runs roles until the signal comes or one of them fails for good. @returns Whether all of them stopped cleanly. */
export async function runRoles({ file, roles, named }: RunRequest, signal: AbortSignal): Promise<boolean> {
  const session = await open(file, roles, signal)
  if (session === undefined) return true
  const { config, log } = session
  const plan = planRun(config, roles)
  const { idle } = plan
  if (idle.length > 0 && named) log.warn({ roles: idle }, 'the settings give these roles nothing to do')
  const { parts: built, health } = buildParts(session, roles)
  return runParts(built, signal, config.run.shutdownGraceMs, log, () => {
    for (const part of plan.parts)
      log.info({ part: part.name, roles: [...part.sources, ...part.roles].map(({ name }) => name) }, 'part started')
    log.info({ roles, port: health.port, metrics: `http://${config.http.host}:${health.port}/metrics` }, 'running')
    tellRunning(health.port)
  })
}
