/**
 * Reads and checks the settings of sections.ts. Nothing else reads `process.env`.
 *
 * A setting comes from, in this order: an environment variable (`FLOWLOOM_KAFKA_BROKERS` for `kafka.brokers`; with `_FILE` appended it names
 * a file that holds the value), the YAML or JSON file given by `--config` or `FLOWLOOM_CONFIG`, the default.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { faultTexts, isSecretSchema, plainSchema } from './faults.ts'
import { configSchema, sections } from './sections.ts'
import { parseSettings } from './settings-text.ts'
import { errorText, FlowError } from '../runtime/errors.ts'
import { nearestName } from '../runtime/nearest-name.ts'

/** A checked configuration with every default filled in. */
export type Config = z.infer<typeof configSchema>

/** Plain nested settings before they are checked. */
export type RawConfig = Record<string, Record<string, unknown>>

/** Name of the environment variable of a setting: `kafka.commitIntervalMs` is `FLOWLOOM_KAFKA_COMMIT_INTERVAL_MS`. */
export const environmentName = (section: string, key: string): string =>
  `FLOWLOOM_${`${section}_${key}`.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}`

/** One setting, for docs and environment. */
export interface Setting {
  section: string
  key: string
  env: string
  schema: z.ZodType
}

/** True for a setting whose value is never shown. */
export const isSecret = (setting: Setting): boolean => isSecretSchema(setting.schema)

/** Lists every setting of every section. */
export function listSettings(): Setting[] {
  return Object.entries(sections).flatMap(([section, object]) =>
    Object.entries(object.shape).map(([key, schema]) => ({
      section,
      key,
      env: environmentName(section, key),
      schema: schema as z.ZodType,
    })),
  )
}

function kindOf(schema: z.ZodType): 'number' | 'boolean' | 'list' | 'objects' | 'text' {
  const inner = plainSchema(schema)
  if (inner instanceof z.ZodNumber) return 'number'
  if (inner instanceof z.ZodBoolean) return 'boolean'
  if (inner instanceof z.ZodArray) return inner.element instanceof z.ZodObject ? 'objects' : 'list'
  return 'text'
}

/** Entries of a list: separated by commas, or as JSON. */
function listFromText(value: string): unknown {
  if (/^\s*\[.*\]\s*$/s.test(value)) return JSON.parse(value) as unknown
  return value
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '')
}

/** @throws SyntaxError if objects are not JSON. */
function fromText(value: string, schema: z.ZodType): unknown {
  switch (kindOf(schema)) {
    case 'number':
      return value.trim() === '' || Number.isNaN(Number(value)) ? value : Number(value)
    case 'boolean':
      return value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : value
    case 'list':
      return listFromText(value)
    case 'objects':
      return JSON.parse(value) as unknown
    case 'text':
      return value
  }
}

function readText(path: string, purpose: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new FlowError('CONFIG_FILE', { path, purpose }, { cause })
  }
}

function environmentSettings(env: NodeJS.ProcessEnv): { raw: RawConfig; faults: string[] } {
  const raw: RawConfig = {}
  const faults: string[] = []
  const known = new Set(['FLOWLOOM_CONFIG'])
  for (const setting of listSettings()) {
    known.add(setting.env).add(`${setting.env}_FILE`)
    // a variable that is set but empty, as compose files and charts leave it, is not set
    const direct = env[setting.env] ?? ''
    const file = env[`${setting.env}_FILE`] ?? ''
    const value = direct !== '' || file === '' ? direct : readText(file, `${setting.env}_FILE`).trimEnd()
    if (value === '') continue
    try {
      ;(raw[setting.section] ??= {})[setting.key] = fromText(value, setting.schema)
    } catch (error) {
      const name = direct === '' ? `${setting.env}_FILE` : setting.env
      const example = kindOf(setting.schema) === 'objects' ? ': write a list like [{"key":"value"}]' : ''
      faults.push(`✖ ${name} is not JSON (${errorText(error)})${example}\n  → at ${setting.section}.${setting.key}`)
    }
  }
  const unknown = Object.keys(env).filter(name => name.startsWith('FLOWLOOM_') && !name.startsWith('FLOWLOOM_TEST_') && !known.has(name))
  return { raw, faults: [...faults, ...unknown.map(name => unknownVariable(name, known))] }
}

function unknownVariable(name: string, known: ReadonlySet<string>): string {
  const near = nearestName(name, name.endsWith('_FILE') ? known : [...listSettings().map(({ env }) => env), 'FLOWLOOM_CONFIG'])
  return `✖ unknown environment variable ${name}${near === undefined ? '' : `: did you mean ${near}?`}`
}

const isMapping = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Checks settings and fills in the defaults.
 *
 * @param otherFaults What was found elsewhere, to be told together with the rest.
 * @throws FlowError CONFIG_INVALID with every fault at once.
 */
export function checkConfig(raw: unknown, otherFaults: readonly string[] = []): Config {
  const result = configSchema.safeParse(raw)
  const issues = result.success ? [] : withHidden(result.error.issues, raw)
  const faults = [...otherFaults, ...faultTexts(issues, raw, configSchema)]
  if (!result.success || faults.length > 0) throw new FlowError('CONFIG_INVALID', { faults: faults.join('\n') })
  const { registry, clickhouse } = result.data
  return { ...result.data, registry: withPlainUrl(registry), clickhouse: withPlainUrl(clickhouse) }
}

/** The issues, and those that zod does not look for as long as there are unknown keys: settings that contradict each other. */
function withHidden(issues: readonly z.core.$ZodIssue[], raw: unknown): z.core.$ZodIssue[] {
  const unknown = issues.filter(issue => issue.code === 'unrecognized_keys')
  if (unknown.length === 0) return [...issues]
  const known = structuredClone(raw) as Record<PropertyKey, unknown>
  for (const { path, keys } of unknown) {
    const place = path.reduce<Record<PropertyKey, unknown>>((value, part) => value[part] as Record<PropertyKey, unknown>, known)
    for (const key of keys) Reflect.deleteProperty(place, key)
  }
  const rest = configSchema.safeParse(known)
  return [...unknown, ...(rest.success ? [] : rest.error.issues)]
}

/** Takes user and password out of a URL, so that no message that names the endpoint tells them; they win over the settings. */
function withPlainUrl<T extends { url: string; username?: string | undefined; password?: string | undefined }>(settings: T): T {
  const url = URL.parse(settings.url)
  if (url === null || (url.username === '' && url.password === '')) return settings
  const { username, password } = url
  url.username = url.password = ''
  return {
    ...settings,
    url: url.href.replace(/\/$/, ''),
    ...(username === '' ? {} : { username: decoded(username) }),
    ...(password === '' ? {} : { password: decoded(password) }),
  }
}

/** A part of a URL; a `%` that does not begin a code stands for itself. */
const decoded = (part: string): string =>
  part.replace(/(?:%[0-9a-f]{2})+/gi, codes => Buffer.from(codes.replaceAll('%', ''), 'hex').toString())

/** The file that settings are read from; undefined: there is none. */
export const settingsFile = (file: string | undefined, env: NodeJS.ProcessEnv = process.env): string | undefined =>
  file ?? (env['FLOWLOOM_CONFIG'] === '' ? undefined : env['FLOWLOOM_CONFIG'])

/**
 * Reads the configuration of this process.
 *
 * @param options.file YAML or JSON file; default `FLOWLOOM_CONFIG`.
 * @param options.overrides Settings that win over file and environment (the demo and tests).
 * @throws FlowError CONFIG_FILE, CONFIG_INVALID.
 */
export function loadConfig(options: { file?: string | undefined; env?: NodeJS.ProcessEnv; overrides?: RawConfig } = {}): Config {
  const env = options.env ?? process.env
  const file = settingsFile(options.file, env)
  let parsed: unknown = {}
  if (file !== undefined) {
    const { value, faults } = parseSettings(readText(file, 'configuration'), file)
    if (faults.length > 0) throw new FlowError('CONFIG_INVALID', { faults: faults.join('\n') })
    parsed = value ?? {}
  }
  if (!isMapping(parsed))
    throw new FlowError('CONFIG_INVALID', {
      faults: `${file ?? ''}: not a mapping: write sections, such as \`kafka:\`, with settings below them`,
    })
  // a section with nothing below it, such as one whose lines are all comments, is null in YAML
  const merged: Record<string, unknown> = Object.fromEntries(Object.entries(parsed).filter(([, values]) => values !== null))
  const { raw, faults } = environmentSettings(env)
  for (const layer of [raw, options.overrides ?? {}])
    for (const [section, values] of Object.entries(layer)) {
      const base = merged[section] ?? {}
      if (isMapping(base)) merged[section] = { ...base, ...values }
    }
  return checkConfig(merged, faults)
}
