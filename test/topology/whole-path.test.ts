/**
 * What flows and what is stored, as one fingerprint a topic and a table: a change that must change neither shows here if it did. One that
 * changes them on purpose rewrites the expectation: `node test/topology/whole-path.test.ts --update`, and the changelog says what changed.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { topics, type TopicId } from '../../schemas/topics.ts'
import { tableNames } from '../../sinks/clickhouse/store.ts'
import { MemoryPath } from '../support/runs/memory-path.ts'

/** Number of records or rows, and SHA-256 of their sorted JSON. */
type Fingerprint = readonly [count: number, sha256: string]

const golden = join(import.meta.dirname, '..', 'golden')
const expectation = join(golden, 'whole-path', 'expected.json')

const plain = (_name: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof Map) return Object.fromEntries(value)
  return value
}

function fingerprint(values: readonly unknown[]): Fingerprint {
  const hash = createHash('sha256')
  for (const line of values.map(value => JSON.stringify(value, plain)).sort()) hash.update(line).update('\n')
  return [values.length, hash.digest('hex')]
}

/** Synthetic logs with every kind of bad line, and golden logs. They are not packed: an ETag must not depend on the version of zlib. */
async function bring(): Promise<MemoryPath> {
  const path = new MemoryPath()
  const options = { seed: 7, records: 12_000, startS: path.slotS - 3600, accounts: ['123456789010', '111122223333'], badLineShare: 0.02 }
  for (const { key, body } of generateObjects({ ...options, recordsPerObject: 1500 })) path.objects.put(path.bucket, key, gunzipSync(body))
  const logs = [
    '../../examples/logs/flocon-2024/snapshot.log',
    '../../examples/logs/nat-gateway-v5/nat.log',
    'routable-vpc/public-range-v2.log',
    'routable-vpc/public-range-vpc.log',
  ].map(file => readFileSync(join(golden, file)))
  await path.bring(Object.fromEntries(logs.map((body, i) => [`golden-${i}`, body])))
  return path
}

async function fingerprints(): Promise<Record<string, Fingerprint>> {
  const { cluster, tables } = await bring()
  const ofTopics = (Object.keys(topics) as TopicId[]).map(id => {
    const records = cluster.readCommitted(id).map(({ key, value, headers }) => ({ key, value, headers }))
    return [`topic ${topics[id].name}`, fingerprint(records)] as const
  })
  return Object.fromEntries([...ofTopics, ...tableNames.map(table => [`table ${table}`, fingerprint(tables.rows(table))] as const)])
}

if (process.argv.includes('--update')) writeFileSync(expectation, `${JSON.stringify(await fingerprints(), null, 2)}\n`)

test('topics and tables hold what they held', async () => {
  assert.deepEqual(await fingerprints(), JSON.parse(readFileSync(expectation, 'utf8')))
})
