/** `flowloom run --processes N`: which processes there are, and under which names. */
import { hostname } from 'node:os'
import type { Config } from '../config.ts'
import { FlowError } from '../runtime/errors.ts'
import type { HealthServer } from '../runtime/http.ts'
import { createLog } from '../runtime/log.ts'
import { ownScript } from '../runtime/own-files.ts'
import { watchProcesses } from '../runtime/processes/watch.ts'
import type { Launch } from '../runtime/processes/watched-process.ts'
import type { CommandInput } from './command.ts'

const most = 256

/**
 * Reads the number of processes.
 *
 * @throws FlowError USAGE for anything but a number from 1 to 256.
 */
export function parseProcesses(text: string): number {
  if (!/^[1-9][0-9]{0,2}$/.test(text) || Number(text) > most)
    throw new FlowError('USAGE', { detail: `--processes takes a number from 1 to ${most}, not "${text}"`, command: 'run' })
  return Number(text)
}

/**
 * How each process is started. Each has a slot of its own: `kafka.slot` or the name of the host, with its number behind it; and a page of
 * its own on a free port of 127.0.0.1, from which the one page is made.
 */
export function launchesOf(count: number, values: CommandInput['values'], config: Pick<Config, 'kafka'>, host: string): Launch[] {
  const words = ['config', 'roles'].flatMap(name => (values[name] === undefined ? [] : [`--${name}`, String(values[name])]))
  const base = config.kafka.slot ?? host
  return Array.from({ length: count }, (_, i) => ({
    number: i + 1,
    script: ownScript('./main.ts', import.meta.url),
    args: ['run', ...words],
    env: { FLOWLOOM_KAFKA_SLOT: `${base}-${i + 1}`, FLOWLOOM_HTTP_HOST: '127.0.0.1', FLOWLOOM_HTTP_PORT: '0' },
  }))
}

/** Runs and watches the processes until the signal ends. @returns The exit code. */
export async function runProcesses(
  { values, signal }: Pick<CommandInput, 'values' | 'signal'>,
  config: Config,
  serve: (page: HealthServer) => Promise<void>,
): Promise<number> {
  const launches = launchesOf(parseProcesses(String(values['processes'])), values, config, hostname())
  const log = createLog(config.log.level)
  return watchProcesses({ launches, http: config.http, graceMs: config.run.shutdownGraceMs, log, signal, serve })
}
