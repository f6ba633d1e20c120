/** Sections `registry`, `http`, `log` and `run`: what every process has. */
import { z } from 'zod'
import { checked, httpUrl, secret, text, whole } from './setting-types.ts'
import { httpUrlFault, type ValueCheck } from './value-checks.ts'

/** URL of the schema registry: the base, in front of `/subjects`. */
export const registryUrlFault: ValueCheck = value => {
  const fault = httpUrlFault(value)
  if (fault !== undefined) return fault
  const base = /^(.*?)\/(?:subjects|schemas|config)(?:\/.*)?\/?$/.exec(value)?.[1]
  if (base !== undefined) return `the base URL is wanted, in front of /subjects: write ${base}`
  const { search, hash } = new URL(value)
  return search === '' && hash === '' ? undefined : 'a base URL ends with its path: leave what follows ? or # out'
}

/** Address to listen on. */
export const hostFault: ValueCheck = value => {
  const [, host, port] = /^(?:https?:\/\/)?([^/:]+)(?::(\d+))?\/?$/i.exec(value) ?? []
  if (host === undefined || host === value)
    return value.trim() === '' || value.includes('/') ? 'not an address to listen on: write one like 0.0.0.0' : undefined
  return `an address alone is wanted: write host: ${host}${port === undefined ? '' : ` and port: ${port}`}`
}

/** Settings of the schema registry. */
export const registrySection = z.strictObject({
  url: httpUrl(
    'Base URL of a schema registry that speaks the Confluent API; that of Apicurio ends with `/apis/ccompat/v7`.',
    registryUrlFault,
  ).default('http://127.0.0.1:8081/apis/ccompat/v7'),
  username: text('User name for basic authentication.').optional(),
  password: secret('Password for basic authentication.').optional(),
})

/** Settings of metrics and health. */
export const httpSection = z.strictObject({
  host: checked('Address that metrics and health are served on.', hostFault).default('127.0.0.1'),
  port: whole('Port for `/metrics`, `/healthz` and `/readyz`; 0 picks a free one.').max(65_535).default(9464),
})

/** Settings of the log. */
export const logSection = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info').describe('Minimum level that is logged.'),
})

/** Settings of a process. */
export const runSection = z.strictObject({
  shutdownGraceMs: whole('Time that a stop may take before the process ends anyway.', 0).default(15_000),
  taskRestartMs: whole('Wait before a failed task starts again.', 10).default(500),
})

/** Section `registry` as checked. */
export type RegistrySettings = z.infer<typeof registrySection>
/** Section `http` as checked. */
export type HttpSettings = z.infer<typeof httpSection>

/** When a task commits: of section `kafka`. */
export interface CommitSettings {
  readonly commitIntervalMs: number
  readonly commitRows: number
}
