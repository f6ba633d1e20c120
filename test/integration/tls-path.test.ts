/** The whole path over TLS and SCRAM, on a stack of its own, with the settings that the stack hands out; and a wrong password. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { audit } from '../../cli/audit.ts'
import { loadConfig } from '../../config.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { startStack, type Stack } from '../../stack/local-stack.ts'
import { stackEnvironment } from '../../stack/stack-environment.ts'
import { flowloom } from '../support/command-line.ts'
import { LocalRun } from '../support/local-run.ts'
import { createBucket, putObject, s3Client } from '../support/s3.ts'
import { settled } from '../support/settle.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'flowloom-tls-'))
let stack: Stack

before(async () => {
  stack = await startStack({ dataDir, ports: 'free', tls: true })
})
after(async () => {
  await stack.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

test('brings records from S3 to the table over TLS and SCRAM', { timeout: 120_000 }, async () => {
  const env = stackEnvironment(stack)
  assert.equal(env['FLOWLOOM_KAFKA_BROKERS'], stack.endpoints.kafkaTlsBrokers!.join(','))
  const config = loadConfig({
    env: {
      ...env,
      FLOWLOOM_KAFKA_CREATE_TOPICS: 'true',
      FLOWLOOM_KAFKA_PARTITIONS: '2',
      FLOWLOOM_KAFKA_FEW_PARTITIONS: '1',
      FLOWLOOM_S3_SOURCES: '[{"bucket":"tls"}]',
      FLOWLOOM_S3_POLL_INTERVAL_MS: '500',
      FLOWLOOM_LOOKUPS_COUNTRY: 'none',
      FLOWLOOM_LOOKUPS_ASN: 'none',
      FLOWLOOM_HTTP_PORT: '0',
      FLOWLOOM_LOG_LEVEL: 'error',
    },
  })
  assert.deepEqual([config.kafka.tls, config.kafka.saslMechanism], [true, 'scram-sha-512'])
  const run = await LocalRun.open({ ...config })
  try {
    const client = s3Client(stack.endpoints.s3Endpoint)
    await createBucket(client, 'tls')
    const startS = Math.floor(Date.now() / 300_000) * 300 - 600
    const objects = [...generateObjects({ seed: 5, records: 2000, startS, slots: 1, badLineShare: 0.01 })]
    for (const { key, body } of objects) await putObject(client, 'tls', key, body)
    run.start()
    await settled(run.store, objects.length, 60_000)
    await sleep(1000)
    const report = await audit(run.session, true, () => undefined)
    assert.deepEqual(report.differences, [])
    assert.equal(report.totals.tables.lines - report.totals.tables.headers - report.totals.tables.blank, 2000)
  } finally {
    await run.close()
  }
})

for (const [what, change, message] of [
  ['a wrong password', { FLOWLOOM_KAFKA_PASSWORD: 'wrong-password' }, /refuse the login.*kafka\.password/],
  [
    'brokers that speak TLS asked without it',
    { FLOWLOOM_KAFKA_TLS: 'false', FLOWLOOM_KAFKA_TLS_CA_FILE: '' },
    /no broker of localhost:\d+ answers/,
  ],
  ['a certificate that nobody vouches for', { FLOWLOOM_KAFKA_TLS_CA_FILE: '' }, /no broker of localhost:\d+ answers: .*certificate/],
] as const)
  test(`${what} is one clear line, soon`, { timeout: 60_000 }, async () => {
    const { code, err, out, ms } = await flowloom(['topics', 'apply'], {
      ...stackEnvironment(stack),
      FLOWLOOM_LOG_LEVEL: 'error',
      ...change,
    })
    assert.equal(code, 1)
    assert.equal(out, '')
    assert.match(err, /^flowloom: [^\n]+\n$/)
    assert.match(err, message)
    assert.ok(!err.includes('wrong-password') && !/^\s+at /m.test(err), err)
    assert.ok(ms < 20_000, `${ms.toFixed(0)} ms`)
  })

test('run gives up on a wrong password instead of asking for ever', { timeout: 60_000 }, async () => {
  const { code, err, ms } = await flowloom(['run', '--roles', 'enrich'], {
    ...stackEnvironment(stack),
    FLOWLOOM_LOG_LEVEL: 'error',
    FLOWLOOM_KAFKA_PASSWORD: 'wrong-password',
  })
  assert.equal(code, 1)
  assert.match(err, /^flowloom: .*refuse the login/m)
  assert.ok(ms < 20_000, `${ms.toFixed(0)} ms`)
})
