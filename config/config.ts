/**
 * Reads and checks the settings of sections.ts. Nothing else reads `process.env`.
 *
 * A setting comes from, in this order: an environment variable (`FLOWLOOM_KAFKA_BROKERS` for `kafka.brokers`; with `_FILE` appended it names
 * a file that holds the value), the YAML or JSON file given by `--config` or `FLOWLOOM_CONFIG`, the default.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { faultTexts } from './faults.ts'
import { configSchema, sections } from './sections.ts'
import { parseSettings } from './settings-text.ts'
import { errorText, FlowError } from '../runtime/errors.ts'
import { pemFaults } from '../runtime/kafka/pem-files.ts'
import { nearestName } from '../runtime/nearest-name.ts'
import { judged, refused, unread } from '../runtime/partial-settings.ts'
import { judgeSettings } from './judge-settings.ts'
import { isMapping, isSecretSchema, plainSchema } from './setting-schema.ts'

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

/** Settings of the environment. Those that cannot be read are `refused`. */
function environmentSettings(env: NodeJS.ProcessEnv): { raw: RawConfig; faults: string[] } {
  const raw: RawConfig = {}
  const faults: string[] = []
  const known = new Set(['FLOWLOOM_CONFIG'])
  for (const setting of listSettings()) {
    const { section, key, schema } = setting
    known.add(setting.env).add(`${setting.env}_FILE`)
    // a variable that is set but empty, as compose files and charts leave it, is not set
    const direct = env[setting.env] ?? ''
    const file = env[`${setting.env}_FILE`] ?? ''
    const name = direct === '' ? `${setting.env}_FILE` : setting.env
    try {
      const value = direct !== '' || file === '' ? direct : readText(file, name).trimEnd()
      if (value !== '') (raw[section] ??= {})[key] = fromText(value, schema)
    } catch (error) {
      ;(raw[section] ??= {})[key] = refused
      const example = kindOf(schema) === 'objects' ? ': write a list like [{"key":"value"}]' : ''
      const what = error instanceof FlowError ? error.message : `${name} is not JSON (${errorText(error)})${example}`
      faults.push(`✖ ${what}\n  → at ${section}.${key}`)
    }
  }
  const unknown = Object.keys(env).filter(name => name.startsWith('FLOWLOOM_') && !name.startsWith('FLOWLOOM_TEST_') && !known.has(name))
  return { raw, faults: [...faults, ...unknown.map(name => unknownVariable(name, known))] }
}

function unknownVariable(name: string, known: ReadonlySet<string>): string {
  const near = nearestName(name, name.endsWith('_FILE') ? known : [...listSettings().map(({ env }) => env), 'FLOWLOOM_CONFIG'])
  return `✖ unknown environment variable ${name}${near === undefined ? '' : `: did you mean ${near}?`}`
}

/** Settings as they were read, good or not. */
export interface ReadSettings {
  /** Every fault, each as a text of its own; empty: all is good. */
  readonly faults: readonly string[]
  /** What is good, with every default filled in; the rest cannot be read: see runtime/partial-settings.ts. */
  readonly settings: Config
  /** True if file, environment or overrides have a value, good or not. */
  readonly isNamed: (section: string, key: string) => boolean
  /** The file; undefined: none was read. */
  readonly file: string | undefined
  /** True if the file contains no settings. */
  readonly isEmptyFile: boolean
}

/**
 * Checks settings and fills in the defaults.
 *
 * @throws FlowError CONFIG_INVALID with every fault at once.
 */
export function checkConfig(raw: unknown): Config {
  const { issues, settings } = judgeSettings(configSchema, raw)
  return goodConfig({ faults: faultTexts(issues, raw, configSchema), settings })
}

/**
 * The configuration, if all settings are good.
 *
 * @throws FlowError CONFIG_INVALID with every fault at once.
 */
export function goodConfig({ faults, settings }: Pick<ReadSettings, 'faults' | 'settings'>): Config {
  if (faults.length > 0) throw new FlowError('CONFIG_INVALID', { faults: faults.join('\n') })
  const { registry, clickhouse } = settings
  return { ...settings, registry: withPlainUrl(registry), clickhouse: withPlainUrl(clickhouse) }
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

/** Every setting of a section, or of all, as one of which nothing is known. */
const unreadable = (section?: string): RawConfig => {
  const all: RawConfig = {}
  for (const each of listSettings()) if (section === undefined || each.section === section) (all[each.section] ??= {})[each.key] = unread
  return all
}

/** Where settings come from. */
export interface SettingsPlace {
  /** YAML or JSON file; default `FLOWLOOM_CONFIG`. */
  readonly file?: string | undefined
  readonly env?: NodeJS.ProcessEnv
  /** Settings that win over file and environment (the demo and tests). */
  readonly overrides?: RawConfig
}

/**
 * Reads the configuration of this process.
 *
 * @throws FlowError CONFIG_INVALID.
 */
export function loadConfig(place: SettingsPlace = {}): Config {
  return goodConfig(readConfig(place))
}

/**
 * Reads the configuration of this process, good or not. A file that cannot be read is a fault beside those of the environment.
 */
export function readConfig(place: SettingsPlace = {}): ReadSettings {
  const env = place.env ?? process.env
  const file = settingsFile(place.file, env)
  const faults: string[] = []
  let read: unknown
  try {
    read = readSettings(file)
  } catch (error) {
    if (!(error instanceof FlowError)) throw error
    faults.push(error.code === 'CONFIG_INVALID' ? String(error.details['faults']) : `✖ ${error.message}`)
    read = unreadable()
  }
  // a section with nothing below it, such as one whose lines are all comments, is null in YAML
  const merged: Record<string, unknown> = Object.fromEntries(Object.entries(read as object).filter(([, values]) => values !== null))
  const isEmptyFile = file !== undefined && Object.keys(merged).length === 0
  for (const [section, values] of Object.entries(merged))
    if (Object.hasOwn(sections, section) && !isMapping(values)) {
      // what else there is of the section is judged all the same
      const one = { [section]: values }
      faults.push(...faultTexts(judgeSettings(configSchema, one).issues, one, configSchema))
      Object.assign(merged, unreadable(section))
    }
  const environment = environmentSettings(env)
  for (const layer of [environment.raw, place.overrides ?? {}])
    for (const [section, values] of Object.entries(layer)) merged[section] = { ...(merged[section] as object | undefined), ...values }
  const { issues, settings } = judgeSettings(configSchema, merged)
  return {
    faults: [
      ...faults,
      ...environment.faults,
      ...faultTexts(issues, merged, configSchema),
      ...(judged(() => pemFaults(settings.kafka)) ?? []),
    ],
    settings,
    isNamed: (section, key) => Object.hasOwn((merged[section] as object | undefined) ?? {}, key),
    file,
    isEmptyFile,
  }
}

/** @throws FlowError CONFIG_FILE, CONFIG_INVALID. */
function readSettings(file: string | undefined): unknown {
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
  return parsed
}
