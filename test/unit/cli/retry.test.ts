import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { UnreadObjects } from '../../../cli/retry.ts'
import type { ObjectLedger } from '../../../schemas/records.ts'
import { emptyLedger } from '../../support/ledger.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const of = (state: ObjectLedger['state']): ObjectLedger => ({ ...emptyLedger, state })

test('an object is unread by its newest record, and below the prefix alone', () => {
  const unread = new UnreadObjects('logs/')
  for (const [key, record] of [
    ['logs/failed', of('reading')],
    ['logs/failed', of('failed')],
    ['logs/waits', of('retrying')],
    ['logs/mended', of('failed')],
    ['logs/mended', of('done')],
    ['logs/begun', of('retrying')],
    ['logs/begun', of('reading')],
    ['logs/gone', of('failed')],
    ['logs/gone', null],
    ['others/failed', of('failed')],
  ] as const)
    unread.hear({ bucket: 'b', key }, record)
  assert.deepEqual(
    unread.list.map(({ key }) => key.key),
    ['logs/failed', 'logs/waits'],
  )
})

test('objects that are read take no memory, however many the ledger has', () => {
  const unread = new UnreadObjects()
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 200_000; i++) unread.hear({ bucket: 'b', key: `AWSLogs/123456789012/vpcflowlogs/${i}.log.gz` }, of('done'))
  collect()
  assert.ok(process.memoryUsage().heapUsed - before < 10_000_000)
  assert.deepEqual(unread.list, [])
})
