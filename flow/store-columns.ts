/** Columns of the tables `flows` and `interfaces` that rows of the tables of this folder become, and the statement that adds one. */
import { attributeRows } from './attributes.ts'
import { flowFields, type FlowField } from './fields.ts'
import { optionalNumbers } from './numbers.ts'
import { observerFields, originDoc, sensorFields } from './observers.ts'
import { mostOf, traitFields, traitKind } from './traits.ts'

/** A column and the field of the record that it holds. */
export interface StoreColumn {
  readonly table: 'flows' | 'interfaces'
  readonly name: string
  readonly type: string
  readonly comment: string
  /** Place in the record, as `group.field`; a column of a side has that of the source. */
  readonly record: string
}

/** Name of a documented field as a column. */
export const columnName = ({ name, kept }: FlowField): string => kept.column ?? name.replaceAll('-', '_')

/** Type of an enum column whose 0 is absent. */
export const enumType = (symbols: readonly string[]): string =>
  `Enum8('-' = 0, ${symbols.map((symbol, i) => `'${symbol}' = ${i + 1}`).join(', ')})`

/** Type of the column of a trait. */
export function traitType(field: FlowField): string {
  const kind = traitKind(field)
  if (kind === 'symbol') return enumType(field.kept.symbols!)
  return kind === 'text' ? 'LowCardinality(String)' : mostOf(field) > 255 ? 'UInt16' : 'UInt8'
}

/** Traits that have a column of their own; the others are in that of an attribute. */
export const storedTraits = traitFields.filter(({ kept }) => kept.attribute === undefined)

/** Traits that the log has of an attribute: of the source, and of the destination. */
export const loggedTraits = (attribute: string): readonly FlowField[] => traitFields.filter(({ kept }) => kept.attribute === attribute)

/** Fields of the next hop, in the order of its record. */
export const nextHopFields: readonly FlowField[] = flowFields.filter(({ role }) => role === 'next-hop')

/** Columns of `interfaces` behind its hash, in the order of the block. */
export const observerColumns: readonly StoreColumn[] = [
  ...observerFields.map(field => ({ name: columnName(field), type: 'String', comment: field.doc, record: field.record })),
  {
    name: 'source_scope',
    type: 'String',
    comment: 'scope that the source of the object names, for records without a VPC',
    record: 'scope',
  },
  { name: 'origin', type: 'LowCardinality(String)', comment: originDoc, record: 'origin' },
  ...sensorFields.map(({ name, column, type, doc }) => ({
    name: column,
    type: type === 'long' ? 'Nullable(UInt32)' : 'String',
    comment: doc,
    record: `sensor.${name}`,
  })),
].map(column => ({ table: 'interfaces' as const, ...column }))

/** Columns of `flows` that rows of tables become. */
export const flowColumns: readonly StoreColumn[] = [
  ...storedTraits.map(field => ({ name: columnName(field), type: traitType(field), comment: field.doc, record: field.record })),
  ...attributeRows.flatMap(({ name, column, stored, doc, comment }) =>
    ['local', 'remote'].map(side => ({ name: `${side}_${column}`, type: stored, comment: comment ?? doc, record: `src${name}` })),
  ),
  ...nextHopFields.map(field => ({
    name: columnName(field),
    type: 'LowCardinality(String)',
    comment: field.doc,
    record: field.record,
  })),
  ...optionalNumbers.map(({ column, stored, doc, record }) => ({ name: column, type: stored, comment: doc, record })),
].map(column => ({ table: 'flows' as const, ...column }))

/** The statement of a migration that adds a column. */
export function addColumn({ table, name, type, comment }: StoreColumn): string {
  const codec = /^(UInt32|Nullable\(UInt64\))$/.test(type) ? ' CODEC(ZSTD(1))' : ''
  return `ALTER TABLE {database}.${table} ADD COLUMN IF NOT EXISTS ${name} ${type} COMMENT '${comment.replaceAll("'", "''")}'${codec};`
}
