import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KeyIndex } from '../../../../runtime/kafka/key-index.ts'
import { KeyedReader } from '../../../../runtime/kafka/keyed-reader.ts'
import type { InRecord } from '../../../../runtime/records.ts'

test('the index gives the newest offset of each key, as a map does', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(3000), fc.nat(1e6)), { maxLength: 3000 }), puts => {
      const index = new KeyIndex()
      const model = new Map<number, number>()
      for (const [key, offset] of puts) {
        index.set(Buffer.from(`key ${key}`), offset)
        model.set(key, offset)
      }
      assert.equal(index.size, model.size)
      for (let key = 0; key <= 3000; key++) assert.equal(index.get(Buffer.from(`key ${key}`)), model.get(key))
    }),
    { numRuns: 30 },
  )
})

/** A partition with holes and marks: records at every other offset or so, read a few at a time. */
class Partition {
  readonly log: InRecord[] = []
  end = 0
  reads = 0
  put(key: string | null, value: string | null, hole: number): void {
    const offset = this.end + hole
    this.end = offset + 1
    const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text))
    this.log.push({ offset, timestampMs: 0, key: bytes(key), value: bytes(value), headers: {} })
  }
  /** Compaction: of each key the newest record stays. */
  compact(): void {
    const newest = new Map(this.log.map(record => [String(record.key), record.offset]))
    this.log.splice(0, this.log.length, ...this.log.filter(({ key, offset }) => newest.get(String(key)) === offset))
  }
  /** Fetches that a new leader answers, which knows the partition only so far. */
  lagging = 0
  known = 0
  committedEnd(): Promise<number> {
    return Promise.resolve(this.end)
  }
  async read(offset: number, maxBytes: number) {
    this.reads++
    await Promise.resolve()
    const end = this.lagging-- > 0 ? Math.min(this.known, this.end) : this.end
    const from = this.log.filter(record => record.offset >= offset && record.offset < end)
    const records = from.slice(0, maxBytes > 1_000_000 ? 5 : 2)
    return { records, nextOffset: records.length < from.length ? records.at(-1)!.offset + 1 : Math.max(end, offset), end }
  }
}

const step = fc.oneof(
  fc.record({ put: fc.tuple(fc.nat(12), fc.option(fc.string({ maxLength: 3 })), fc.oneof(fc.nat(3), fc.constant(20_000))) }),
  fc.record({ ask: fc.array(fc.nat(14), { maxLength: 6 }) }),
  fc.record({ lag: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat(60)) }),
  fc.constant({ compact: true as const }),
)

const groupOf = (key: Buffer): number => Number(key.toString().slice(1)) % 4
for (const { most, groups } of [
  { most: 1000, groups: false },
  { most: 4, groups: false },
  { most: 1000, groups: true },
  { most: 4, groups: true },
  { most: 2, groups: true },
])
  test(`values looked up are the newest ones, with ${most} keys ${groups ? 'in groups ' : ''}in the index at most`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async steps => {
        const partition = new Partition()
        const reader = new KeyedReader(partition, { start: 0, most, ...(groups ? { groupOf } : {}) })
        const model = new Map<string, string | null>()
        for (const one of steps) {
          if ('put' in one) {
            const [key, value, hole] = one.put
            partition.put(`k${key}`, value, hole)
            model.set(`k${key}`, value)
          } else if ('lag' in one) [partition.lagging, partition.known] = one.lag
          else if ('compact' in one) partition.compact()
          else {
            const keys = one.ask.map(key => `k${key}`)
            const values = await reader.lookUp(keys.map(key => Buffer.from(key)))
            assert.deepEqual(
              values.map(value => value?.toString() ?? null),
              keys.map(key => model.get(key) ?? null),
            )
          }
        }
      }),
      { numRuns: 200 },
    )
  })

test('a second question reads what came since, and not the whole partition', async () => {
  const partition = new Partition()
  for (let i = 0; i < 100; i++) partition.put(`k${i}`, String(i), 0)
  const reader = new KeyedReader(partition, { start: 0 })
  await reader.lookUp([])
  assert.equal(reader.scanned, 100)
  partition.put('k7', 'new', 0)
  assert.deepEqual((await reader.lookUp([Buffer.from('k7'), Buffer.from('k8')])).map(String), ['new', '8'])
  assert.equal(reader.scanned, 101)
  assert.equal(reader.indexed, 100)
})

test('with more keys than the index may have, a question reads the pieces of its own day, once, and not the whole partition', async () => {
  const partition = new Partition()
  const [days, keys] = [20, 50]
  for (let day = 0; day < days; day++)
    for (let i = 0; i < keys; i++) partition.put(`k${day + days * i}`, `${day} ${i}`, i === 0 && day > 0 ? 40_000 : 0)
  const reader = new KeyedReader(partition, { start: 0, groupOf: key => Number(key.toString().slice(1)) % days, most: 4 * keys })
  const ask = async (day: number, i: number): Promise<string> => String((await reader.lookUp([Buffer.from(`k${day + days * i}`)]))[0])
  assert.equal(await ask(days - 1, 3), `${days - 1} 3`)
  assert.equal(reader.scanned, days * keys)
  assert.ok(reader.indexed <= 4 * keys, String(reader.indexed))
  assert.equal(await ask(2, 7), '2 7')
  assert.ok(reader.scanned <= (days + 1) * keys + 5, String(reader.scanned))
  const scanned = reader.scanned
  assert.equal(await ask(2, 8), '2 8')
  assert.equal(await ask(2, 1000), 'null')
  assert.equal(reader.scanned, scanned)
  assert.ok(reader.indexed <= 4 * keys, String(reader.indexed))
  assert.equal(await reader.greatestGroup(), days - 1)
})

test('a leader that does not know the end of the partition yet is waited for: nothing is taken for gone', async () => {
  const partition = new Partition()
  for (let i = 0; i < 10; i++) partition.put(`k${i}`, String(i), 0)
  const reader = new KeyedReader(partition, { start: 0 })
  await reader.lookUp([])
  partition.put('k9', 'new', 0)
  partition.lagging = 5
  partition.known = 3
  assert.deepEqual((await reader.lookUp([Buffer.from('k9'), Buffer.from('k8')])).map(String), ['new', '8'])
  partition.lagging = Infinity
  await assert.rejects(reader.lookUp([Buffer.from('k8')]), /offset 8/)
})
