import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nameHash, ObjectTable } from '../../../../../producers/s3/objects/object-table.ts'
import { Ledger } from '../../../../../producers/s3/fetch/ledger.ts'
import { objectIdOf } from '../../../../../schemas/object-id.ts'
import { emptyLedger } from '../../../../support/records/ledger.ts'

const idOf = (n: number): Buffer => {
  const id = Buffer.alloc(8)
  id.writeBigUInt64LE(BigInt(n) * 0x9e37_79b9_7f4an)
  return id
}

/** Names whose search begins at the same slots, so that they meet. */
const nameOf = (n: number): Buffer => {
  const name = Buffer.alloc(16)
  name.writeUInt32LE(0xffff_f000 + (n % 7) * 256, 0)
  name.writeUInt32LE(n, 8)
  return name
}

test('holds what a map holds, through additions, replacements and removals', () => {
  const step = fc.tuple(fc.constantFrom('set', 'set', 'set', 'delete'), fc.nat(300), fc.integer({ min: 1, max: 254 }))
  fc.assert(
    fc.property(fc.array(step, { maxLength: 1000 }), steps => {
      const table = new ObjectTable()
      const map = new Map<number, { state: number; objectId: Buffer }>()
      for (const [what, n, state] of steps) {
        if (what === 'delete') assert.equal(table.delete(nameOf(n)), map.delete(n))
        else {
          assert.equal(table.set(nameOf(n), state, idOf(state)), !map.has(n))
          map.set(n, { state, objectId: idOf(state) })
        }
      }
      assert.equal(table.size, map.size)
      for (let n = 0; n <= 300; n++) {
        const [entry, expected] = [table.get(nameOf(n)), map.get(n)]
        assert.equal(entry?.state, expected?.state)
        assert.equal(entry?.objectId.toString('hex'), expected?.objectId.toString('hex'))
      }
    }),
  )
})

test('grows, and loses nothing, also where names come and go', () => {
  const table = new ObjectTable()
  const name = (n: number): Buffer => nameHash('bucket', `key ${n}`)
  for (let n = 0; n < 20_000; n++) {
    table.set(name(n), 1, idOf(n))
    if (n >= 5000) assert.ok(table.delete(name(n - 5000)))
  }
  assert.equal(table.size, 5000)
  assert.ok(table.bytes < 1_000_000, `${table.bytes} bytes for 5000 entries`)
  for (let n = 0; n < 20_000; n++) assert.equal(table.get(name(n)) !== undefined, n >= 15_000)
})

test('the ledger takes at most 48 bytes an object, and knows each object again after years', () => {
  const ledger = new Ledger()
  const objects = 50_000
  const keyOf = (n: number) => ({ bucket: 'b', key: `AWSLogs/123456789012/vpcflowlogs/us-east-1/2026/11/24/${n}.log.gz` })
  for (let n = 0; n < objects; n++)
    ledger.set(keyOf(n), { ...emptyLedger, objectId: objectIdOf('b', keyOf(n).key, `etag ${n}`), etag: `etag ${n}` })
  assert.equal(ledger.size, objects)
  assert.ok(ledger.tableBytes / objects <= 48, `${ledger.tableBytes / objects} bytes an object`)
  for (let n = 0; n < objects; n++) {
    const decision = ledger.decide(keyOf(n), { etag: `etag ${n}`, size: 1, lastModifiedMs: 0, source: 'backfill' })
    if (decision.do !== 'skip') assert.fail(`object ${n} would be read again`)
  }
  assert.deepEqual(ledger.decide(keyOf(1), { etag: 'another', size: 1, lastModifiedMs: 0, source: 'backfill' }), { do: 'read', from: null })
})
