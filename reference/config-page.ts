/** docs/reference/config.md. */
import { z } from 'zod'
import { listSettings, type Setting } from '../config/config.ts'
import { code, generatedMark, table } from './markdown.ts'

interface Described {
  readonly inner: z.ZodType
  readonly fallback: string
  readonly doc: string
}

function described(schema: z.ZodType): Described {
  let inner: unknown = schema
  let fallback = 'required'
  let doc = schema.description ?? ''
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional) {
    if (inner instanceof z.ZodDefault) fallback = code(JSON.stringify(inner.def.defaultValue))
    else if (fallback === 'required') fallback = 'none'
    inner = inner.unwrap()
    doc ||= (inner as z.ZodType).description ?? ''
  }
  return { inner: inner as z.ZodType, fallback, doc }
}

function typeText(schema: z.ZodType): string {
  if (schema instanceof z.ZodNumber) {
    const { minValue } = schema
    return minValue === null || minValue <= Number.MIN_SAFE_INTEGER ? 'whole number' : `whole number from ${minValue}`
  }
  if (schema instanceof z.ZodBoolean) return '`true` or `false`'
  if (schema instanceof z.ZodEnum) return `one of ${schema.options.map(option => code(String(option))).join(', ')}`
  if (schema instanceof z.ZodArray)
    return schema.element instanceof z.ZodObject ? 'list of objects; JSON in the environment' : 'list; comma-separated in the environment'
  return 'text'
}

const row = (setting: Setting): string[] => {
  const { inner, fallback, doc } = described(setting.schema)
  return [code(`${setting.section}.${setting.key}`), code(setting.env), typeText(inner), fallback, doc]
}

/** The keys of one entry, where the setting is a list of objects. */
function entryTable({ section, key, schema }: Setting): string[] {
  const { inner } = described(schema)
  if (!(inner instanceof z.ZodArray) || !(inner.element instanceof z.ZodObject)) return []
  const rows = Object.entries(inner.element.shape).map(([name, value]) => {
    const entry = described(value as z.ZodType)
    return [code(name), typeText(entry.inner).split(';')[0]!, entry.fallback, entry.doc]
  })
  return [`## One entry of \`${section}.${key}\`\n`, table(['key', 'type', 'default', 'meaning'], rows)]
}

/** Every setting: name, environment variable, type, default, meaning. */
export function configPage(): string {
  const settings = listSettings()
  const sections = [...new Set(settings.map(setting => setting.section))]
  return [
    generatedMark('config/sections.ts'),
    '# Settings\n',
    'A setting comes from, in this order: its environment variable (with `_FILE` appended the variable names a file that holds the value, for secrets), the YAML or JSON file given by `--config` or `FLOWLOOM_CONFIG`, the default. Unknown settings and unknown `FLOWLOOM_` variables are refused. `flowloom check-config` prints every fault at once.\n',
    ...sections.flatMap(section => [
      `## ${section}\n`,
      table(['setting', 'environment', 'type', 'default', 'meaning'], settings.filter(setting => setting.section === section).map(row)),
    ]),
    ...settings.flatMap(entryTable),
  ].join('\n')
}
