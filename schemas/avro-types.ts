/** Avro schemas as values, and the TypeScript types of what they describe: a record is written down once. */

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

/** Names the mark of `Marked`. */
export declare const valueType: unique symbol
/** A schema whose decoded value has a type that its JSON does not tell. The mark stands in the type only. */
export interface Marked<T> {
  readonly [valueType]: T
}

/** Names the mark of `NameOf`. */
export declare const definition: unique symbol
/** The name of a schema that stands earlier. The mark stands in the type only. */
export interface NameOf<S> {
  readonly [definition]: S
}

/** A field whose name and type are known to the compiler. */
export interface TypedField<N extends string, S extends AvroSchema> extends AvroField {
  readonly name: N
  readonly type: S
}

/** A record whose fields are known to the compiler. */
export interface TypedRecord<F extends readonly AvroField[] = readonly AvroField[]> extends AvroRecord {
  readonly fields: F
}

interface ValuesByName {
  null: null
  boolean: boolean
  int: number
  long: number
  float: number
  double: number
  string: string
  bytes: Buffer
}

/** A decoded value of a schema. */
export type ValueOf<S> =
  S extends Marked<infer T>
    ? T
    : S extends NameOf<infer Named>
      ? ValueOf<Named>
      : S extends keyof ValuesByName
        ? ValuesByName[S]
        : S extends readonly (infer Branch)[]
          ? ValueOf<Branch>
          : S extends { readonly type: 'array'; readonly items: infer Item }
            ? ValueOf<Item>[]
            : S extends { readonly type: 'map'; readonly values: infer Value }
              ? Record<string, ValueOf<Value>>
              : S extends { readonly type: 'fixed' }
                ? Buffer
                : S extends { readonly fields: readonly AvroField[] }
                  ? RecordOf<S>
                  : never

/** A decoded record of a schema. */
export type RecordOf<R extends { readonly fields: readonly AvroField[] }> = {
  -readonly [F in R['fields'][number] as F['name']]: ValueOf<F['type']>
}

/** Namespace of every record of this major version. */
export const namespace = 'io.flowloom.v1'

/** A field that must have a value. */
export const required = <const N extends string, const S extends AvroSchema>(name: N, type: S, doc: string): TypedField<N, S> => ({
  name,
  type,
  doc,
})

/** A field that may be absent: null, and null is the default, so that it can be added under full compatibility. */
export const optional = <const N extends string, const S extends AvroSchema>(
  name: N,
  type: S,
  doc: string,
): TypedField<N, readonly ['null', S]> => ({ name, type: ['null', type], doc, default: null })

/** A field that was added later: readers take the default if the writer did not have it. */
export const added = <const N extends string, const S extends AvroSchema>(
  name: N,
  type: S,
  doc: string,
  value: unknown,
): TypedField<N, S> => ({ name, type, doc, default: value })

/** A record type. */
export const record = <const F extends readonly AvroField[]>(name: string, doc: string, fields: F): TypedRecord<F> => ({
  type: 'record',
  name,
  namespace,
  doc,
  fields,
})

/** An array type. */
export const arrayOf = <const S extends AvroSchema>(items: S): { readonly type: 'array'; readonly items: S } => ({ type: 'array', items })

/** A named type that stands earlier in the same schema: Avro has its name there. */
export const again = <const S extends { readonly name: string }>(type: S): string & NameOf<S> => type.name as string & NameOf<S>

/** An enum type; the first symbol is the default for readers that do not know a newer symbol. */
export const symbols = <const V extends readonly string[]>(name: string, values: V): object & Marked<V[number]> =>
  ({
    type: 'enum',
    name,
    symbols: values,
    default: values[0],
  }) as unknown as object & Marked<V[number]>
