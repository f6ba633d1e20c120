/** Avro in the Confluent wire format (byte 0, schema id as int32, body) for every topic, with schema resolution by writer id. */
import avsc from 'avsc'
import type { AvroRecord } from '../schemas/avro-types.ts'
import { topics, type RecordTypes, type TopicId } from '../schemas/topics.ts'
import { FlowError } from './errors.ts'

/** Schema ids of one topic in the registry; `value` is -1 where the value is not Avro. */
export interface TopicSchemaIds {
  readonly key: number
  readonly value: number
}

/** Schemas of other writers by registry id, filled by the runtime before a task sees such a record. */
export type WriterSchemas = Map<number, AvroRecord>

/** Length of the Confluent header. */
export const headerLength = 5

/** The 5-byte header of a schema id. */
export function confluentHeader(id: number): Buffer {
  const header = Buffer.alloc(headerLength)
  header.writeInt32BE(id, 1)
  return header
}

/** Schema id of an encoded record, or undefined if the bytes do not have the header. */
export const schemaIdOf = (bytes: Uint8Array): number | undefined =>
  bytes.length >= headerLength && bytes[0] === 0 ? (bytes[1]! << 24) | (bytes[2]! << 16) | (bytes[3]! << 8) | bytes[4]! : undefined

/** Encodes and decodes one record type of one schema id. */
class RecordCodec<T> {
  readonly type: avsc.Type
  readonly id: number
  readonly #writers: WriterSchemas
  readonly #resolvers = new Map<number, avsc.Resolver>()
  #scratch = Buffer.allocUnsafeSlow(4096)

  constructor(schema: AvroRecord, id: number, writers: WriterSchemas) {
    this.type = avsc.Type.forSchema(schema as unknown as avsc.Schema, { wrapUnions: false })
    this.id = id
    this.#writers = writers
  }

  encode(value: T): Buffer {
    for (;;) {
      this.#scratch[0] = 0
      this.#scratch.writeInt32BE(this.id, 1)
      const end = this.type.encode(value, this.#scratch, headerLength)
      if (end >= 0) return Buffer.from(this.#scratch.subarray(0, end))
      this.#scratch = Buffer.allocUnsafeSlow(2 * (this.#scratch.length - end))
    }
  }

  decode(bytes: Buffer): T {
    const id = schemaIdOf(bytes)
    if (id === this.id) return this.type.fromBuffer(bytes.subarray(headerLength)) as T
    const resolver = id === undefined ? undefined : this.#resolver(id)
    if (resolver === undefined) throw new FlowError('REGISTRY_SCHEMA_UNKNOWN', { id, url: '(writer schema not loaded)' })
    return this.type.fromBuffer(bytes.subarray(headerLength), resolver) as T
  }

  #resolver(id: number): avsc.Resolver | undefined {
    let resolver = this.#resolvers.get(id)
    const schema = this.#writers.get(id)
    if (resolver === undefined && schema !== undefined) {
      resolver = this.type.createResolver(avsc.Type.forSchema(schema as unknown as avsc.Schema, { wrapUnions: false }))
      this.#resolvers.set(id, resolver)
    }
    return resolver
  }
}

/** Keys and values of one topic. */
export class TopicCodec<K, V> {
  readonly ids: TopicSchemaIds
  readonly #key: RecordCodec<K>
  readonly #value: RecordCodec<V> | undefined

  constructor(topic: { key: AvroRecord; value: AvroRecord | null }, ids: TopicSchemaIds, writers: WriterSchemas) {
    this.ids = ids
    this.#key = new RecordCodec<K>(topic.key, ids.key, writers)
    this.#value = topic.value === null ? undefined : new RecordCodec<V>(topic.value, ids.value, writers)
  }

  /** Key bytes: header and Avro body. */
  encodeKey(key: K): Buffer {
    return this.#key.encode(key)
  }

  /** Value bytes: header and Avro body. */
  encodeValue(value: V): Buffer {
    return this.#valueCodec().encode(value)
  }

  /** @throws FlowError REGISTRY_SCHEMA_UNKNOWN where the writer's schema was not loaded. */
  decodeKey(bytes: Buffer): K {
    return this.#key.decode(bytes)
  }

  /** @throws FlowError REGISTRY_SCHEMA_UNKNOWN where the writer's schema was not loaded. */
  decodeValue(bytes: Buffer): V {
    return this.#valueCodec().decode(bytes)
  }

  #valueCodec(): RecordCodec<V> {
    if (this.#value === undefined) throw new TypeError('the values of this topic are not Avro')
    return this.#value
  }
}

/** The codec of every topic. */
export type Codecs = { readonly [T in TopicId]: TopicCodec<RecordTypes[T][0], RecordTypes[T][1]> }

/**
 * Makes the codecs of all topics.
 *
 * @param ids Schema ids by topic, from the registry.
 * @param writers Schemas of other writers, shared with what loads them.
 */
export function createCodecs(ids: Readonly<Record<TopicId, TopicSchemaIds>>, writers: WriterSchemas = new Map()): Codecs {
  return Object.fromEntries(
    Object.entries(topics).map(([id, topic]) => [id, new TopicCodec(topic, ids[id as TopicId], writers)]),
  ) as unknown as Codecs
}

/**
 * Reads keys of a topic whatever their schema id is, so without a registry: the schemas of keys are frozen.
 *
 * @throws Error if the bytes are not such a key.
 */
export function keyDecoder<T extends TopicId>(topic: T): (bytes: Buffer) => RecordTypes[T][0] {
  const type = avsc.Type.forSchema(topics[topic].key as unknown as avsc.Schema, { wrapUnions: false })
  return bytes => type.fromBuffer(bytes.subarray(headerLength)) as RecordTypes[T][0]
}

/** Schema ids for tests without a registry: 1, 2, 3 ... in the order of the topics. */
export function countedSchemaIds(): Record<TopicId, TopicSchemaIds> {
  let next = 1
  return Object.fromEntries(
    Object.entries(topics).map(([id, topic]) => [id, { key: next++, value: topic.value === null ? -1 : next++ }]),
  ) as Record<TopicId, TopicSchemaIds>
}
