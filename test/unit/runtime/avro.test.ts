import assert from 'node:assert/strict'
import { test } from 'node:test'
import { confluentHeader, countedSchemaIds, createCodecs, schemaIdOf, type WriterSchemas } from '../../../runtime/avro.ts'
import type { FlowError } from '../../../runtime/errors.ts'
import type { AvroRecord } from '../../../schemas/avro-types.ts'
import { topics } from '../../../schemas/topics.ts'

const ids = countedSchemaIds()
const codecs = createCodecs(ids)
const arrival = { etag: 'e', size: 2 ** 40, lastModifiedMs: 1_764_000_000_000, source: 'poll' as const }
const key = { bucket: 'b', key: 'AWSLogs/ä.log.gz' }

test('keys and values come back as they were, behind the id of their schema', () => {
  const keyBytes = codecs.objectArrivals.encodeKey(key)
  const valueBytes = codecs.objectArrivals.encodeValue(arrival)
  assert.deepEqual({ ...codecs.objectArrivals.decodeKey(keyBytes) }, key)
  assert.deepEqual({ ...codecs.objectArrivals.decodeValue(valueBytes) }, arrival)
  assert.deepEqual([schemaIdOf(keyBytes), schemaIdOf(valueBytes)], [ids.objectArrivals.key, ids.objectArrivals.value])
  assert.equal(keyBytes[0], 0)
})

test('a value larger than the scratch buffer, and a small one after it', () => {
  const large = { bucket: 'b', key: 'k'.repeat(100_000) }
  const bytes = codecs.objects.encodeKey(large)
  assert.deepEqual({ ...codecs.objects.decodeKey(bytes) }, large)
  const small = codecs.objects.encodeKey(key)
  codecs.objects.encodeKey({ bucket: 'other', key: 'other' })
  assert.deepEqual({ ...codecs.objects.decodeKey(small) }, key, 'encoded bytes are not shared')
})

test('the same key has the same bytes: partition and compaction depend on it', () => {
  assert.ok(codecs.objects.encodeKey(key).equals(createCodecs(ids).objects.encodeKey({ ...key })))
})

test('a record of another writer is resolved by its schema: missing fields take their default, others are left out', () => {
  const schema = JSON.parse(JSON.stringify(topics.objectArrivals.value)) as { fields: { name: string }[] }
  const fields = [
    ...schema.fields.filter(({ name }) => name !== 'etag' && name !== 'source'),
    ...schema.fields.filter(({ name }) => name === 'source'),
    { name: 'color', type: 'string' },
  ]
  const older = { ...schema, fields } as unknown as AvroRecord
  const otherIds = { ...ids, objectArrivals: { key: ids.objectArrivals.key, value: 900 } }
  const writer = createCodecs(otherIds)
  assert.equal(schemaIdOf(writer.objectArrivals.encodeValue(arrival)), 900)
  const writers: WriterSchemas = new Map()
  const reader = createCodecs(ids, writers)
  const bytes = Buffer.concat([
    confluentHeader(900),
    encodeWith(older, { size: 7, lastModifiedMs: null, source: 'backfill', color: 'red' }),
  ])
  assert.throws(
    () => reader.objectArrivals.decodeValue(bytes),
    (error: FlowError) => error.code === 'REGISTRY_SCHEMA_UNKNOWN' && error.details['id'] === 900,
  )
  writers.set(900, older)
  assert.deepEqual({ ...reader.objectArrivals.decodeValue(bytes) }, { etag: null, size: 7, lastModifiedMs: null, source: 'backfill' })
  assert.deepEqual(
    { ...reader.objectArrivals.decodeValue(bytes) },
    { etag: null, size: 7, lastModifiedMs: null, source: 'backfill' },
    'again, from the cache',
  )
})

/** Encodes by hand what the older schema above says: union index and long, union index, enum index, string. */
function encodeWith(_schema: AvroRecord, value: { size: number; lastModifiedMs: null; source: string; color: string }): Buffer {
  const field = topics.objectArrivals.value.fields.find(({ name }) => name === 'source')!
  const { symbols } = field.type as unknown as { symbols: string[] }
  return Buffer.from([2, value.size * 2, 0, symbols.indexOf(value.source) * 2, value.color.length * 2, ...Buffer.from(value.color)])
}

for (const { name, bytes } of [
  { name: 'no header', bytes: Buffer.from('text') },
  { name: 'another first byte', bytes: Buffer.from([1, 0, 0, 0, 1, 0, 0]) },
  { name: 'an unknown id', bytes: Buffer.from([0, 0, 0, 3, 231, 0, 0]) },
])
  test(`bytes with ${name} are an error with a code, not a guess`, () => {
    assert.throws(
      () => codecs.objects.decodeKey(bytes),
      (error: FlowError) => error.code === 'REGISTRY_SCHEMA_UNKNOWN' && !error.retriable,
    )
  })

test('values that are not Avro have no codec', () => {
  assert.throws(() => codecs.rawLines.encodeValue({} as never), /not Avro/)
})
