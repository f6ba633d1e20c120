/** What settings are made of. Each part writes its own section with these; config/sections.ts joins them. */
import { z } from 'zod'
import { httpUrlFault, pathFault, type ValueCheck } from './value-checks.ts'

/** Any text. */
export const text = (doc: string): z.ZodString => z.string().describe(doc)

/** Text that no message and no listing shows. */
export const secret = (doc: string): z.ZodString =>
  z.string().min(1).describe(`${doc} Secret: set it by environment or file; it is never logged.`)

/** Text that a function judges; what it says is the fault. */
export const checkedText = (check: ValueCheck): z.ZodString =>
  z.string().refine(value => check(value) === undefined, { error: ({ input }) => check(input as string) })

/** The same with its meaning. */
export const checked = (doc: string, check: ValueCheck): z.ZodString => checkedText(check).describe(doc)

/** URL of an HTTP endpoint. */
export const httpUrl = (doc: string, check: ValueCheck = httpUrlFault): z.ZodString => checked(doc, check)

/** Path of a PEM file. */
export const pemFile = (doc: string): z.ZodString => checked(doc, pathFault)

/** Whole number from `min`. */
export const whole = (doc: string, min = 0): z.ZodInt => z.int().min(min).describe(doc)

/** A setting that contradicts others of its group. */
export interface SettingFault {
  /** Name of the setting, or its path from the group. */
  readonly key: string | readonly PropertyKey[]
  readonly message: string
}

/**
 * Finds settings of a group that contradict each other. It is not asked while a setting that it reads is refused for itself, so it reads no
 * more than it needs: what reads other settings is another rule, and whether one has a value at all `isSet` says, also of one that is refused.
 */
export type SettingRule<Settings> = (settings: Settings) => readonly SettingFault[]

/** Several rules of one group. */
export const settingRules = <Settings>(...rules: SettingRule<Settings>[]): readonly SettingRule<Settings>[] => rules

const rulesBySchema = new WeakMap<z.ZodObject, readonly SettingRule<never>[]>()

/** Gives a group its rules. They are judged by config/judge-settings.ts, and not by `parse` of the schema, which would skip them beside any other fault. */
export function withRules<Schema extends z.ZodObject>(schema: Schema, rules: readonly SettingRule<z.output<Schema>>[]): Schema {
  rulesBySchema.set(schema, rules)
  return schema
}

/** Rules of a group; it takes the settings of that group. */
export const rulesOf = (schema: z.ZodObject): readonly SettingRule<unknown>[] =>
  (rulesBySchema.get(schema) ?? []) as readonly SettingRule<unknown>[]
