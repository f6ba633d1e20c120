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
  readonly key: string
  readonly message: string
}

/** Refuses settings of a group that contradict each other. */
export function refuse(context: z.RefinementCtx, faults: readonly SettingFault[]): void {
  for (const { key, message } of faults) context.addIssue({ code: 'custom', message, path: [key] })
}
