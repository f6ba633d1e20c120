/** Several processes of roles on one machine: which there are, and under which names. */
import { hostname } from 'node:os'
import { loadConfig, type Config } from '../config/config.ts'
import { createLog } from '../runtime/log.ts'
import { ownScript } from '../runtime/own-files.ts'
import { watchProcesses } from '../runtime/processes/watch.ts'
import type { Launch } from '../runtime/processes/watched-process.ts'
import { serve } from './run-roles.ts'

/** What to start. */
export interface ProcessesRequest {
  readonly count: number
  /** File of settings. */
  readonly file: string | undefined
  /** Names of roles, separated by commas; undefined: all. */
  readonly roles: string | undefined
}

/**
 * How each process is started. Each has a slot of its own: `kafka.slot` or the name of the host, with its number behind it; and a page of
 * its own on a free port of 127.0.0.1, from which the one page is made.
 */
export function launchesOf({ count, file, roles }: ProcessesRequest, config: Pick<Config, 'kafka'>, host: string): Launch[] {
  const words = Object.entries({ config: file, roles }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]))
  const base = config.kafka.slot ?? host
  return Array.from({ length: count }, (_, i) => ({
    number: i + 1,
    script: ownScript('../cli/main.ts', import.meta.url),
    args: ['run', ...words],
    env: { FLOWLOOM_KAFKA_SLOT: `${base}-${i + 1}`, FLOWLOOM_HTTP_HOST: '127.0.0.1', FLOWLOOM_HTTP_PORT: '0' },
  }))
}

/** Runs and watches the processes until the signal ends. @returns The exit code. */
export async function runProcesses(request: ProcessesRequest, signal: AbortSignal): Promise<number> {
  const config = loadConfig({ file: request.file })
  const log = createLog(config.log.level)
  const launches = launchesOf(request, config, hostname())
  const { http } = config
  return watchProcesses({ launches, http, graceMs: config.run.shutdownGraceMs, log, signal, serve: page => serve(page, http) })
}
