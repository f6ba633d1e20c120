/** Avro types and fields in words. */
import type { AvroField, AvroSchema } from '../schemas/avro-types.ts'

interface Shape {
  readonly type?: string
  readonly name?: string
  readonly size?: number
  readonly symbols?: readonly string[]
  readonly items?: AvroSchema
  readonly values?: AvroSchema
  readonly fields?: readonly AvroField[]
}

/** A type in a few words: `long or null`, `list of SecondsRange`, `one of poll, notification`. */
export function typeText(schema: AvroSchema): string {
  if (typeof schema === 'string') return schema
  if (Array.isArray(schema)) {
    const members = schema as readonly AvroSchema[]
    const others = members.filter(member => member !== 'null').map(typeText)
    return others.join(' or ') + (others.length < members.length ? ', may be null' : '')
  }
  const shape = schema as Shape
  switch (shape.type) {
    case 'array':
      return `list of ${typeText(shape.items!)}`
    case 'map':
      return `map of ${typeText(shape.values!)}`
    case 'enum':
      return `one of ${shape.symbols!.join(', ')}`
    case 'fixed':
      return `${shape.size!} bytes`
    default:
      return `record ${shape.name ?? ''}`
  }
}

/** Rows of a table: path, type, meaning. A record is followed by its fields; a record that was shown before is not shown again. */
export function fieldRows(fields: readonly AvroField[], prefix = '', shown = new Set<string>()): string[][] {
  return fields.flatMap(field => [
    [`\`${prefix}${field.name}\``, typeText(field.type), field.doc ?? ''],
    ...nested(field.type, shown).flatMap(({ inner, list }) => fieldRows(inner, `${prefix}${field.name}${list ? '[]' : ''}.`, shown)),
  ])
}

function nested(schema: AvroSchema, shown: Set<string>, list = false): { inner: readonly AvroField[]; list: boolean }[] {
  if (typeof schema === 'string') return []
  if (Array.isArray(schema)) return (schema as readonly AvroSchema[]).flatMap(member => nested(member, shown, list))
  const shape = schema as Shape
  if (shape.items !== undefined) return nested(shape.items, shown, true)
  if (shape.fields === undefined || shown.has(shape.name!)) return []
  shown.add(shape.name!)
  return [{ inner: shape.fields, list }]
}
