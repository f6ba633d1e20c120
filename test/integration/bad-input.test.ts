/** One bucket with everything that can be wrong with an object, on the real services: the good ones are complete, each bad one is accounted for. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { audit } from '../../operations/audit.ts'
import { announceRetries, findUnread } from '../../operations/retry.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { badObjects, goodObject } from '../support/files/bad-objects.ts'
import { setBucketFaults } from '../support/s3/bucket-faults.ts'
import { counted } from '../support/processes/counted.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { announcedKeys } from '../support/records/ledger-records.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { takeLog } from '../support/processes/log-lines.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, deleteObject, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const maxAttempts = 4
const longBytes = 2_000_000
const slotS = Math.floor(Date.now() / 300_000) * 300 - 600
const day = new Date(slotS * 1000).toISOString().slice(0, 10).replaceAll('-', '/')

/** Key of an object; each account is a prefix of its own. */
const keyOf = (name: string, account = '123456789010'): string => `AWSLogs/${account}/vpcflowlogs/us-east-1/${day}/${name}`

interface LedgerRow {
  key: string
  state: string
  error_code: string
  error_detail: string
  attempts: number
  lines: number
}

async function ledgerOf(store: Store): Promise<Map<string, LedgerRow>> {
  const rows = await store.query<LedgerRow>(
    'SELECT key, state, error_code, error_detail, attempts, lines FROM objects FINAL ORDER BY last_modified, version',
  )
  return new Map(rows.map(row => [row.key, row]))
}

/** Lines above the default of `s3.maxLineBytes` in generated objects. */
const longLines = (objects: readonly { body: Buffer }[]): number =>
  objects.flatMap(({ body }) => gunzipSync(body).toString('latin1').split('\n')).filter(line => line.length > 65_536).length

async function flowsOf(store: Store): Promise<Map<string, number>> {
  const rows = await store.query<{ key: string; flows: string }>(
    'SELECT o.key AS key, count() AS flows FROM flows AS f INNER JOIN (SELECT * FROM objects FINAL) AS o ON f.object_id = o.object_id GROUP BY o.key',
  )
  return new Map(rows.map(({ key, flows }) => [key, Number(flows)]))
}

test(
  'whatever is wrong with an object: it is recorded, it stops no other, and what can be read is there once',
  { timeout: 180_000 },
  async () => {
    const run = await LocalRun.open(
      await freshSettings({
        s3: { maxAttempts, retryBaseMs: 100, pollIntervalMs: 300 },
        kafka: { partitions: 2 },
        lookups: { country: 'none', asn: 'none' },
      }),
    )
    const told = takeLog(run.session.log, 'warn')
    const { session, store, bucket } = run
    const { endpoint } = session.config.s3
    const client = s3Client(endpoint!)
    const put = (key: string, body: Buffer): Promise<void> => putObject(client, bucket, key, body)
    try {
      await createBucket(client, bucket)
      const generated = [...generateObjects({ seed: 3, records: 4000, startS: slotS - 600, slots: 2, badLineShare: 0.01 })]
      for (const { key, body } of generated) await put(key, body)
      const bad = badObjects(slotS, longBytes)
      for (const { name, body } of bad) await put(keyOf(name), body)
      const [gone, overwritten, broken, slow, hidden, locked] = [
        keyOf('gone.log.gz'),
        keyOf('overwritten.log.gz'),
        keyOf('broken-connection.log.gz'),
        keyOf('slow-down.log.gz'),
        keyOf('hidden.log.gz', '222222222222'),
        keyOf('locked.log.gz', '333333333333'),
      ] as const
      for (const [i, key] of [gone, overwritten, broken, slow, hidden, locked].entries()) await put(key, goodObject(25, slotS, 20 + i))
      await setBucketFaults(endpoint!, bucket, [
        { prefix: 'AWSLogs/222222222222/', status: 403, code: 'AccessDenied' },
        { prefix: locked, operations: ['get'], status: 403, code: 'AccessDenied' },
        { prefix: broken, operations: ['get'], cutAfterBytes: 40, times: 2 },
        { prefix: slow, operations: ['get'], status: 503, code: 'SlowDown', times: 7 },
      ])
      run.start(['discover'])
      const listed = [...generated.map(({ key }) => key), ...bad.map(({ name }) => keyOf(name)), gone, overwritten, broken, slow, locked]
      await until(
        async () => {
          const announced = await announcedKeys(session)
          return listed.every(key => announced.has(key))
        },
        20_000,
        'the announcement of each object',
      )
      await run.stop()
      await deleteObject(client, bucket, gone)
      await put(overwritten, goodObject(60, slotS, 30))

      run.start()
      const failedNames = bad.filter(({ state }) => state === 'failed')
      await settled(store, generated.length + bad.length - failedNames.length + 3, 90_000, failedNames.length + 2)
      let ledger = await ledgerOf(store)
      for (const { name, state, errorCode = '', attempts, lines } of bad) {
        const row = ledger.get(keyOf(name))
        assert.deepEqual(
          { name, state: row?.state, code: row?.error_code, attempts: row?.attempts, lines: row?.lines },
          { name, state, code: errorCode, attempts: attempts ?? (state === 'failed' ? maxAttempts : 0), lines },
        )
        if (state === 'failed') assert.notEqual(row?.error_detail, '', `${name} says what was wrong`)
      }
      const outcome = (key: string): unknown => [ledger.get(key)?.state, ledger.get(key)?.error_code]
      assert.deepEqual(outcome(gone), ['failed', 'S3_NOT_FOUND'])
      assert.deepEqual(outcome(locked), ['failed', 'S3_ACCESS_DENIED'])
      assert.deepEqual(outcome(broken), ['done', ''])
      assert.deepEqual(outcome(slow), ['done', ''])
      assert.equal(ledger.get(hidden), undefined, 'nobody may list it')
      assert.equal(ledger.get(overwritten)?.lines, 61, 'the version that is there now')

      const codes = new Map(failedNames.map(({ errorCode, attempts = maxAttempts }) => [errorCode!, { errorCode, attempts }]))
      for (const { errorCode, attempts } of codes.values())
        assert.ok((await counted('flowloom_fetch_attempts_failed_total', { code: errorCode! })) >= attempts, `${errorCode} is counted`)
      assert.ok((await counted('flowloom_fetch_attempts_failed_total', { code: 'S3_ACCESS_DENIED' })) >= maxAttempts)
      assert.ok((await counted('flowloom_fetch_attempts_failed_total', { code: 'S3_UNAVAILABLE' })) >= 2, 'cut connection and SlowDown')
      assert.equal(await counted('flowloom_fetch_objects_total', { state: 'failed' }), failedNames.length + 2)
      assert.ok((await counted('flowloom_discover_errors_total', { code: 'S3_ACCESS_DENIED' })) > 0)
      assert.equal(await counted('flowloom_fetch_dead_lines_total', { reason: 'line-too-long' }), 1 + longLines(generated))
      assert.ok((await counted('flowloom_enrich_dead_lines_total', { reason: 'too-few-fields' })) > 0)

      const toldOf = (key: string): string[] =>
        told.filter(line => line['key'] === key).map(line => `${line.level} ${String(line['code'])}: ${line.msg.split(';')[1]!.trim()}`)
      const again = (code: string): string => `warn ${code}: trying again later`
      const given = (code: string): string => `error ${code}: its ledger record says why`
      for (const { name, state, errorCode = '', attempts } of bad) {
        const lines = attempts === 1 ? [given(errorCode)] : [again(errorCode), given(errorCode)]
        assert.deepEqual(toldOf(keyOf(name)), state === 'failed' ? lines : [], name)
      }
      for (const [key, code] of [
        [gone, 'S3_NOT_FOUND'],
        [locked, 'S3_ACCESS_DENIED'],
      ] as const)
        assert.deepEqual(toldOf(key), (ledger.get(key)?.attempts ?? 0) > 1 ? [again(code), given(code)] : [given(code)])
      for (const key of [broken, slow]) assert.deepEqual(toldOf(key), [again('S3_UNAVAILABLE')])
      assert.ok(told.some(line => line.level === 'warn' && line['code'] === 'S3_ACCESS_DENIED' && line.msg.includes('could not be listed')))

      await setBucketFaults(endpoint!, bucket, [])
      await settled(store, generated.length + bad.length - failedNames.length + 4, 30_000, failedNames.length + 2)
      assert.equal((await ledgerOf(store)).get(hidden)?.state, 'done', 'what could not be listed comes in by itself')
      await announceRetries(session, await findUnread(session, { bucket, prefix: locked }))
      await settled(store, generated.length + bad.length - failedNames.length + 5, 30_000)
      await sleep(1500)
      ledger = await ledgerOf(store)
      assert.equal(ledger.get(locked)?.state, 'done', 'what could not be read comes in by command')

      const flows = await flowsOf(store)
      for (const { name, flows: expected } of bad) assert.equal(flows.get(keyOf(name)) ?? 0, expected, name)
      for (const key of [broken, slow, hidden, locked]) assert.equal(flows.get(key), 25, key)
      assert.equal(flows.get(overwritten), 60)
      for (const { key, manifest } of generated) assert.equal(flows.get(key) ?? 0, manifest.flows, key)
      for (const { name, dead = {} } of bad) {
        const letters = await store.query<{
          line: number
          stage: string
          reason: string
          length: string
          head: string
          sha256: string
          detail: string
        }>(
          'SELECT line, stage, reason, length, lower(hex(bytes)) AS head, lower(hex(sha256)) AS sha256, detail FROM dead_letters WHERE key = {key:String} ORDER BY line',
          { key: keyOf(name) },
        )
        assert.deepEqual(
          letters.map(({ detail: _detail, length, ...letter }) => ({ ...letter, length: Number(length) })),
          Object.entries(dead).map(([line, { head, ...letter }]) => ({ line: Number(line), ...letter, head: head.toString('hex') })),
          name,
        )
        for (const { detail } of letters) assert.notEqual(detail, '')
      }
      const [repeats] = await store.query<Record<string, string>>(
        `SELECT (SELECT count() - uniqExact(object_id, line) FROM flows) AS flows, (SELECT count() - uniqExact(object_id, line) FROM dead_letters) AS dead,
         (SELECT count() - uniqExact(object_id, line) FROM flow_gaps) AS gaps`,
      )
      assert.deepEqual(Object.values(repeats!).map(Number), [0, 0, 0], 'nothing is there twice')

      await run.stop()
      const report = await audit(session, true, () => undefined)
      assert.deepEqual(report.differences, [])
      assert.deepEqual(
        report.unreadable.map(object => object.split('/').at(-1)!.split(':')[0]).sort(),
        failedNames.map(({ name }) => name).sort(),
      )
    } finally {
      await setBucketFaults(endpoint!, bucket, []).catch(() => undefined)
      await run.close()
    }
  },
)
