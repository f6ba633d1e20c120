// A backfill that could not look says so, and never that there is nothing.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig } from '../../../../config/config.ts'
import { backfill, type BackfillEvent } from '../../../../operations/backfill/backfill.ts'
import type { Session } from '../../../../operations/session.ts'

test('S3 does not answer: the end is its error, and not that the bucket has no flow logs', async () => {
  const s3 = { endpoint: 'http://127.0.0.1:1', accessKeyId: 'a', secretAccessKey: 'b', sources: [{ bucket: 'flow-logs' }] }
  const session = { config: checkConfig({ s3 }) } as unknown as Session
  const events: BackfillEvent[] = []
  const range = { bucket: 'flow-logs', path: '', prefix: '', below: 'AWSLogs/', fromMs: 0, toMs: 86_400_000 }
  const options = { ahead: 1, tell: (event: BackfillEvent) => void events.push(event) }
  await assert.rejects(backfill(session, range, options, new AbortController().signal), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'BACKFILL_UNLISTED')
    assert.match(error.message, /^what s3:\/\/flow-logs\/AWSLogs\/ has from .* is not known, .*: S3 does not give .*ECONNREFUSED/)
    return true
  })
  assert.deepEqual(
    events.map(({ kind }) => kind),
    ['not-listed'],
  )
})
