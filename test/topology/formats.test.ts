/** Format x version x container, by one arrival each, value by value: from the object through fetch and enrich. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readParquetPlainly } from '../../audit/plain-parquet.ts'
import { readPlainly } from '../../audit/plain-reader.ts'
import { flowFields } from '../../flow/fields.ts'
import type { ArrivalSource } from '../../schemas/records.ts'
import { matrixFormats, matrixRecords } from '../support/files/format-matrix.ts'
import { assertMatrixObject, type MatrixObject } from '../support/files/matrix-checks.ts'
import { matrixContainers } from '../support/files/matrix-containers.ts'
import { MemoryPath } from '../support/runs/memory-path.ts'

const arrivals: readonly ArrivalSource[] = ['poll', 'notification', 'backfill', 'retry']

const account = '000000000042'

for (const [index, container] of matrixContainers.entries()) {
  const source = arrivals[index % arrivals.length]!
  test(`every format in ${container.name}, by ${source}: every value of every field`, async () => {
    const bucket = 'flow-logs'
    const sources = matrixFormats.map(({ name, columns }) => ({ bucket, prefix: name, format: columns.join(' ') }))
    const path = new MemoryPath(container.bare ? { s3: { sources } } : {})
    const objects = new Map<string, MatrixObject>()
    for (const format of matrixFormats) {
      const inBucket = path.keyOf(format.name, account).replace('.log.gz', container.suffix)
      const key = container.bare ? `${format.name}/${inBucket}` : inBucket
      const records = matrixRecords(format, path.slotS)
      objects.set(key, { format, records, account, slotS: path.slotS, bare: container.bare })
      const body = container.body(format, records)
      path.objects.put(path.bucket, key, body)
      if (source !== 'poll')
        path.cluster.put('objectArrivals', { bucket: path.bucket, key }, { etag: null, size: body.length, lastModifiedMs: null, source })
      const { maxLineBytes } = path.config.s3
      const plain = container.suffix.endsWith('.parquet')
        ? await readParquetPlainly(body, maxLineBytes)
        : readPlainly(body, maxLineBytes, container.bare ? format.columns.join(' ') : undefined)
      assert.ok(plain.ok, plain.ok ? undefined : plain.reason)
      const flows = records.filter(({ kind }) => kind === 'flow').length
      assert.deepEqual(
        [plain.tally.lines, plain.tally.flows, plain.tally.dead],
        [records.length + (container.bare ? 0 : 1), flows, 0],
        format.name,
      )
    }
    if (source === 'poll') await path.discover()
    await path.work()

    assert.deepEqual(
      path.cluster.readCommitted('deadLetters').map(({ value }) => `${value!.reason} ${value!.detail}`),
      [],
    )
    const ledger = path.cluster.latest('objects', ({ key }) => key)
    const flows = path.cluster.readCommitted('flows').map(({ value }) => value!)
    const gaps = path.cluster.readCommitted('flowGaps').map(({ value }) => value!)
    for (const [key, object] of objects) {
      const { state, lines, headerLines, objectId } = ledger.get(key)!
      const headers = object.bare ? 0 : 1
      assert.deepEqual([state, lines, headerLines], ['done', object.records.length + headers, headers], object.format.name)
      assertMatrixObject(
        object,
        flows.filter(flow => flow.objectId.equals(objectId)),
        gaps.filter(gap => gap.objectId.equals(objectId)),
      )
    }
  })
}

test('the matrix has every documented field, each with a value and absent', () => {
  const seen = new Map<string, Set<boolean>>()
  for (const format of matrixFormats)
    for (const { kind, values } of matrixRecords(format, 1_764_000_000))
      if (kind === 'flow')
        for (const [name, value] of Object.entries(values)) (seen.get(name) ?? seen.set(name, new Set()).get(name)!).add(value !== null)
  assert.deepEqual(
    flowFields.filter(({ name }) => seen.get(name)?.size !== 2).map(({ name }) => name),
    [],
  )
})
