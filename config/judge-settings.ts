/** Finds everything that is wrong with settings in one run: each setting for itself, and each rule whose settings are all good. */
import { z } from 'zod'
import { isReadable, judged, partly, refused, unread } from '../runtime/partial-settings.ts'
import { rulesOf } from '../runtime/setting-types.ts'
import { isMapping, plainSchema, valueAt } from './setting-schema.ts'

/** What became of settings. */
export interface JudgedSettings<Settings> {
  /** Empty: all are good. */
  readonly issues: readonly z.core.$ZodIssue[]
  /** With every default filled in. Those that are refused cannot be read: see partial-settings.ts. */
  readonly settings: Settings
}

/** The value with its defaults, `refused` in the place of what is; of a group or a list only what is wrong in it. */
function partOf(schema: z.ZodType, value: unknown): unknown {
  if (value === unread) return unread
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const inner = plainSchema(schema)
  if (inner instanceof z.ZodObject && isMapping(value))
    return partly(Object.fromEntries(Object.entries(inner.shape).map(([key, each]) => [key, partOf(each as z.ZodType, value[key])])))
  if (value === undefined) return unread
  if (!(inner instanceof z.ZodArray) || !Array.isArray(value)) return refused
  const entries = value.map(each => partOf(inner.element as z.ZodType, each))
  // an empty list that is refused has no good entries
  return entries.length === 0 ? refused : partly(entries)
}

function ruleIssues(schema: unknown, settings: unknown, path: readonly PropertyKey[]): z.core.$ZodIssue[] {
  const inner = plainSchema(schema)
  if (inner instanceof z.ZodArray && Array.isArray(settings))
    return Array.from({ length: settings.length }, (_, at) =>
      ruleIssues(
        inner.element,
        judged(() => settings[at] as unknown),
        [...path, at],
      ),
    ).flat()
  if (!(inner instanceof z.ZodObject) || !isMapping(settings)) return []
  const own = rulesOf(inner).flatMap(rule => judged(() => rule(settings)) ?? [])
  return [
    ...own.map(({ key, message }) => ({
      ...({ code: 'custom', input: undefined, message } as const),
      path: [...path, ...(typeof key === 'string' ? [key] : key)],
    })),
    ...Object.entries(inner.shape).flatMap(([key, each]) =>
      ruleIssues(
        each,
        judged(() => settings[key]),
        [...path, key],
      ),
    ),
  ]
}

/**
 * Judges settings. Pure.
 *
 * @param raw Nested settings; those that could not be read are `refused` or `unread`, which nothing is said of.
 */
export function judgeSettings<Schema extends z.ZodObject>(schema: Schema, raw: unknown): JudgedSettings<z.output<Schema>> {
  const { error } = schema.safeParse(raw)
  const told = (error?.issues ?? []).filter(({ path }) => isReadable(valueAt(raw, path)))
  const settings = partOf(schema, raw)
  const all = settings === refused ? partly(Object.fromEntries(Object.keys(schema.shape).map(key => [key, refused]))) : settings
  const rules = ruleIssues(schema, all, [])
  // two rules may say the same of one setting
  const texts = rules.map(({ path, message }) => `${path.join('.')} ${message}`)
  return { issues: [...told, ...rules.filter((_, at) => texts.indexOf(texts[at]!) === at)], settings: all as z.output<Schema> }
}
