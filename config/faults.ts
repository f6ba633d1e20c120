/** Faults of settings, in words that say what to write instead. A value is shown only if its setting is not a secret. */
import { z } from 'zod'
import { withoutPassword } from '../runtime/errors.ts'
import { nearestName } from '../runtime/nearest-name.ts'
import { groupOf, isSecretSchema, plainSchema, schemaAt, valueAt } from './setting-schema.ts'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/** A fault and where it is. */
const faultAt = (message: string, path: Path): string => {
  const place = path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`),
    '',
  )
  return `✖ ${message}${place === '' ? '' : `\n  → at ${place}`}`
}

/** A value as text, short and without a password; empty for a secret. */
function shown(value: unknown, schema: unknown): string {
  if (isSecretSchema(schema) || value === undefined) return ''
  const text = withoutPassword(JSON.stringify(value))
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** Units that people write behind a number, in that of the setting. */
const units: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  Ms: { ms: 1, s: 1000, sec: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000, day: 86_400_000, days: 86_400_000 },
  S: { s: 1, sec: 1, m: 60, min: 60, h: 3600, d: 86_400, day: 86_400, days: 86_400 },
  Days: { d: 1, day: 1, days: 1, w: 7, week: 7, weeks: 7, y: 365, year: 365, years: 365 },
  Bytes: { b: 1, k: 1024, kb: 1024, kib: 1024, m: 2 ** 20, mb: 2 ** 20, mib: 2 ** 20, g: 2 ** 30, gb: 2 ** 30, gib: 2 ** 30 },
  '': { k: 1000, m: 1_000_000 },
}
const unitNames: Readonly<Record<string, string>> = { Ms: ' (milliseconds)', S: ' (seconds)', Days: ' (days)', Bytes: ' (bytes)' }

/** What to write for a number that was written as text. */
function numberText(value: unknown, key: string): string {
  const unit = key.includes('Bytes') ? 'Bytes' : /(Ms|S|Days|)$/.exec(key)![1]!
  const meaning = unitNames[unit] ?? ''
  const [, digits, suffix = ''] = /^\s*(-?[\d_, ]*\d(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(typeof value === 'string' ? value : '') ?? []
  const factor = suffix === '' ? 1 : units[unit]?.[suffix.toLowerCase()]
  const number = digits === undefined || factor === undefined ? NaN : Number(digits.replace(/[_, ]/g, '')) * factor
  return Number.isSafeInteger(number) ? `write ${number}${meaning}` : `write a whole number${meaning}`
}

const booleans: Readonly<Record<string, boolean>> = {
  yes: true,
  y: true,
  on: true,
  true: true,
  1: true,
  no: false,
  n: false,
  off: false,
  false: false,
  0: false,
}

/** What to write in the place of a value of another kind. */
function insteadOf(expected: string, value: unknown, schema: unknown, key: string): string {
  switch (expected) {
    case 'number':
    case 'int':
      return numberText(typeof value === 'number' ? undefined : value, key)
    case 'boolean': {
      const word = String(value).trim().toLowerCase()
      const meant = Object.hasOwn(booleans, word) ? booleans[word] : undefined
      return meant === undefined ? 'write true or false' : `write ${meant}`
    }
    case 'array': {
      const one = (plainSchema(schema) as { element?: unknown } | undefined)?.element instanceof z.ZodObject
      if (one) return typeof value === 'object' ? 'write a list: put a dash before it' : 'write a list of entries, each with its keys'
      const parts =
        typeof value === 'string'
          ? value.split(',').map(part => part.trim().replace(key === 'brokers' ? /^[\w.+-]*:\/\// : '', ''))
          : [String(value)]
      return `write a list: ${JSON.stringify(parts)}`
    }
    case 'object':
      return key === '' ? 'write sections, such as `kafka:`, with settings below them' : 'write its keys below it, one a line: `key: value`'
    case 'string':
      return typeof value === 'number' || typeof value === 'boolean'
        ? isSecretSchema(schema)
          ? 'write it in quotes'
          : `write it in quotes: "${value}"`
        : 'write one text'
    default:
      return `write ${expected}`
  }
}

/** What other programs call settings. */
const otherWords: Readonly<Record<string, string>> = {
  bootstrap: 'brokers',
  bootstrapservers: 'brokers',
  servers: 'brokers',
  ssl: 'tls',
  user: 'username',
  pass: 'password',
  db: 'database',
  uri: 'url',
  endpoint: 'url',
  ca: 'tlsCaFile',
  mechanism: 'saslMechanism',
  role: 'roleArn',
  pattern: 'keyPattern',
  accountid: 'account',
  accountids: 'accounts',
}

/** Words of a fault of one key that there is not. */
function unknownKey(key: string, path: Path, root: z.ZodObject): string {
  const names = Object.keys(groupOf(schemaAt(root, path))?.shape ?? {})
  const dotted = key.split('.')
  if (path.length === 0 && dotted.length > 1 && schemaAt(root, dotted) !== undefined)
    return `unknown section "${key}": write \`${dotted[0]!}:\` and below it \`${dotted.slice(1).join('.')}:\``
  const near = names.find(name => name === otherWords[key.toLowerCase().replace(/[^a-z]/g, '')]) ?? nearestName(key, names)
  const what = path.length === 0 ? 'section' : 'setting'
  const homes = Object.keys(root.shape).filter(section => schemaAt(root, [section, key]) !== undefined)
  if (near !== undefined && !(path.length === 0 && homes.length === 1)) return `unknown ${what} "${key}": did you mean "${near}"?`
  if (homes.length === 1 && homes[0] !== path[0]) return `unknown ${what} "${key}": it belongs below \`${homes[0]!}:\``
  if (path.length === 0) return `unknown section "${key}": there are ${names.join(', ')}`
  return `unknown setting "${key}"${path.length > 1 ? `: there are ${names.join(', ')}` : ''}`
}

/** What is expected, in words; else it is a group of settings. */
const kinds: Readonly<Record<string, string>> = {
  number: 'a whole number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  string: 'text',
}

function faultOf(issue: Issue, raw: unknown, root: z.ZodObject): string[] {
  const { path, message } = issue
  const value = valueAt(raw, path)
  const schema = schemaAt(root, path)
  const key = path.findLast(part => typeof part === 'string') ?? ''
  const got = shown(value, schema)
  const at = (text: string): string[] => [faultAt(text, path)]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(each => faultAt(unknownKey(each, path, root), [...path, each]))
    case 'invalid_type': {
      if (value === undefined) return at('it is missing: this setting is needed')
      if (value === null) return at('it has no value: write one, or leave the line out')
      const kind = kinds[issue.expected]
      return at(`${got === '' ? 'it' : got} is not ${kind ?? 'a group of settings'}: ${insteadOf(issue.expected, value, schema, key)}`)
    }
    case 'invalid_value': {
      const words = issue.values.map(String)
      if (value === null) return at('it has no value: write one, or leave the line out')
      const word = typeof value === 'string' ? value : ''
      const near = words.find(each => each.length > 2 && word.toLowerCase().startsWith(each)) ?? nearestName(word, words)
      return at(`${got === '' ? 'it' : got} is not one of ${words.join(', ')}${near === undefined ? '' : `: write ${near}`}`)
    }
    case 'too_small':
      return at(
        issue.origin === 'array'
          ? 'the list is empty: write at least one'
          : issue.origin === 'string'
            ? 'it is empty: write it, or leave the line out'
            : `${got} is too small: write ${issue.minimum} or more`,
      )
    case 'too_big':
      return at(`${got} is too large: write ${issue.maximum} or less`)
    case 'invalid_union': {
      const wrong = meantOf(issue.errors)
      return wrong.flatMap(each => faultOf({ ...each, path: [...path, ...each.path] }, raw, root))
    }
    default:
      return at(message)
  }
}

/** What is wrong with a value that may be of several kinds, taken for the kind that it is of. */
const meantOf = (kindIssues: readonly (readonly Issue[])[]): readonly Issue[] =>
  kindIssues.find(issues => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0)) ?? kindIssues.at(-1)!

/**
 * Puts the faults of settings into words.
 *
 * @param raw The settings as they were checked.
 * @param root Schema of all sections.
 */
export const faultTexts = (issues: readonly Issue[], raw: unknown, root: z.ZodObject): string[] =>
  issues.flatMap(issue => faultOf(issue, raw, root))
