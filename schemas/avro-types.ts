/** Small words for writing Avro schemas as values. */

/** Any Avro schema as plain JSON. */
export type AvroSchema = string | readonly AvroSchema[] | object

/** One field of an Avro record. */
export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly doc?: string
  readonly default?: unknown
}

/** A named Avro record, the only kind of type that a topic carries. */
export interface AvroRecord {
  readonly type: 'record'
  readonly name: string
  readonly namespace: string
  readonly doc: string
  readonly fields: readonly AvroField[]
}

/** Namespace of every record of this major version. */
export const namespace = 'io.flowloom.v1'

/** A field that must have a value. */
export const required = (name: string, type: AvroSchema, doc: string): AvroField => ({ name, type, doc })

/** A field that may be absent: null, and null is the default, so that it can be added under full compatibility. */
export const optional = (name: string, type: AvroSchema, doc: string): AvroField => ({ name, type: ['null', type], doc, default: null })

/** A record type. */
export const record = (name: string, doc: string, fields: readonly AvroField[]): AvroRecord => ({
  type: 'record',
  name,
  namespace,
  doc,
  fields,
})

/** An enum type; the first symbol is the default for readers that do not know a newer symbol. */
export const symbols = (name: string, values: readonly string[]): AvroSchema => ({
  type: 'enum',
  name,
  symbols: values,
  default: values[0],
})
