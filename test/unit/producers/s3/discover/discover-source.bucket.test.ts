import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bucket, DiscoverBench } from '../../../../support/s3/discover-cases.ts'

test('a bucket that does not exist is told as that', async () => {
  const bench = new DiscoverBench({})
  const warned: string[] = []
  const log = { debug: () => undefined, info: () => undefined, warn: (told: { error: string }) => void warned.push(told.error) }
  Object.assign(bench.cluster, { log: { ...log, child: () => log } })
  bench.store.deny(bucket, '', 'S3_NO_BUCKET')
  bench.start()
  await bench.ended(1)
  await bench.stop()
  assert.match(warned[0]!, /^the bucket \S+ does not exist; check bucket of its source/)
})
