/** Finds its way in schemas and values of settings. */
import { z } from 'zod'

/** True for what a group of settings is. */
export const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What a setting is in the schema, without what makes it optional. */
export function plainSchema(schema: unknown): unknown {
  let inner = schema
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) inner = inner.unwrap()
  return inner
}

/** True for a schema whose value is never shown. */
export function isSecretSchema(schema: unknown): boolean {
  return (plainSchema(schema) as z.ZodType | undefined)?.description?.includes('Secret:') === true
}

/** The group of settings that a schema is, or may be; undefined: none. */
export function groupOf(schema: unknown): z.ZodObject | undefined {
  const inner = plainSchema(schema)
  const found: unknown = inner instanceof z.ZodUnion ? inner.options.find(option => option instanceof z.ZodObject) : inner
  return found instanceof z.ZodObject ? found : undefined
}

function childOf(schema: unknown, part: PropertyKey): unknown {
  const inner = plainSchema(schema)
  const group = groupOf(schema)
  if (group !== undefined) return (group.shape as Record<PropertyKey, unknown>)[part]
  return inner instanceof z.ZodArray ? inner.element : undefined
}

/** The schema of a setting. */
export const schemaAt = (root: unknown, path: readonly PropertyKey[]): unknown => path.reduce(childOf, root)
/** The value of a setting. */
export const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce((value, part) => (value as Record<PropertyKey, unknown> | null | undefined)?.[part], root)
