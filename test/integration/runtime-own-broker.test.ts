/** With a broker of its own: TLS and SCRAM from end to end, a wrong password, and a broker that is away for ten seconds. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig, type RawConfig } from '../../config/config.ts'
import { openSession, type Session } from '../../operations/session.ts'
import type { FlowError } from '../../runtime/errors.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { SourceRunner } from '../../runtime/kafka/source-runner.ts'
import { createLog } from '../../runtime/log.ts'
import { topics } from '../../schemas/topics.ts'
import { startStack, type Stack } from '../../stack/local-stack.ts'
import { CopyBench, upTo } from '../support/kafka/copy-role.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { settingsFor } from '../../harness/live-stack.ts'

const dir = mkdtempSync(join(tmpdir(), 'flowloom-own-broker-'))
let stack: Stack
let session: Session
let bench: CopyBench

function secureSettings(kafka: Record<string, unknown> = {}): RawConfig {
  const { caFile, mechanism, username, password } = stack.kafkaTls!
  const secure = { brokers: stack.endpoints.kafkaTlsBrokers, tls: true, tlsCaFile: caFile, saslMechanism: mechanism, username, password }
  return settingsFor(stack.endpoints, { kafka: { partitions: 1, fewPartitions: 1, createTopics: true, ...secure, ...kafka } })
}

before(async () => {
  stack = await startStack({ dataDir: dir, ports: 'free', tls: true })
  const overrides = secureSettings()
  Object.assign(overrides['kafka']!, { sessionTimeoutMs: 3000, heartbeatIntervalMs: 500, rebalanceTimeoutMs: 6000 })
  session = await openSession({ overrides }, new AbortController().signal)
  bench = new CopyBench(session)
})
after(async () => {
  await bench.close()
  await stack.stop()
  rmSync(dir, { recursive: true, force: true })
})

test('a role works over TLS with a SCRAM login', { timeout: 60_000 }, async () => {
  const runner = bench.runner()
  await runner.start()
  await bench.produce(0, 20)
  await until(async () => (await bench.committed()) >= 20, 20_000)
  assert.deepEqual(await bench.copied(), upTo(20))
  await runner.stop()
})

/** Everything that a call writes to standard error, where the logs go. */
async function logsOf(call: (log: ReturnType<typeof createLog>) => Promise<void>): Promise<string> {
  const lines: string[] = []
  const log = createLog('trace')
  const bound = Object.create(log) as Record<string, unknown>
  for (const level of ['trace', 'debug', 'info', 'warn', 'error']) bound[level] = (...args: unknown[]) => lines.push(JSON.stringify(args))
  await call(bound as never)
  return lines.join('\n')
}

const faults = [
  {
    name: 'a wrong password',
    kafka: { password: 'Wr0ng-Secret' },
    code: 'KAFKA_LOGIN',
    text: /refuse the login .*check kafka\.saslMechanism, kafka\.username and kafka\.password/,
  },
  { name: 'an unknown authority', kafka: { tlsCaFile: undefined }, code: 'KAFKA_UNAVAILABLE', text: /self-signed certificate/ },
  {
    name: 'no TLS at all',
    kafka: { tls: false, tlsCaFile: undefined },
    code: 'KAFKA_UNAVAILABLE',
    text: /no broker of localhost:\d+ answers/,
  },
]

test(
  'wrong logins and TLS settings give a clear error in seconds, and no secret is logged',
  { timeout: 60_000, concurrency: true },
  async t => {
    // at once: most of it is waiting
    const tests = faults.map(({ name, kafka, code, text }) =>
      t.test(name, async () => {
        const config = loadConfig({ env: {}, overrides: secureSettings(kafka) })
        const beganMs = Date.now()
        const logs = await logsOf(async log => {
          const cluster = new Cluster(config.kafka, log)
          await assert.rejects(cluster.loadTopics(), (error: FlowError) => {
            assert.equal(error.code, code)
            assert.match(error.message, text)
            assert.ok(!JSON.stringify([error.message, error.details]).includes(config.kafka.password!))
            return true
          })
          await cluster.close()
        })
        assert.ok(Date.now() - beganMs < 20_000, `${Date.now() - beganMs} ms`)
        assert.ok(!logs.includes(config.kafka.password!))
      }),
    )
    await Promise.all(tests)
  },
)

test(
  'everything goes on by itself after the broker was away for ten seconds; each record is there once',
  { timeout: 120_000 },
  async () => {
    let sent = 20
    const runner = bench.runner()
    const source = new SourceRunner(
      {
        name: 'arrivals',
        to: ['objectArrivals'],
        shardBy: 'objectArrivals',
        async runShard(context) {
          while (!context.signal.aborted) {
            await context.send(topics.objectArrivals, 0, [{ key: null, value: Buffer.from(`${sent}`) }])
            sent++
            await sleep(50)
          }
        },
      },
      { ...session, taskRestartMs: 100 },
    )
    await runner.start()
    await source.start()
    await until(async () => (await bench.committed()) > 30, 20_000)
    await stack.kill('kafka')
    await sleep(10_000)
    await stack.restart('kafka')
    const sentBefore = sent
    await until(() => sent > sentBefore + 5, 40_000, 'the source sends again')
    await source.stop()
    await until(async () => {
      const { end } = await session.cluster.limits(topics.objectArrivals, 0).catch(() => ({ end: Infinity }))
      return (await bench.committed().catch(() => 0)) >= end
    }, 40_000)
    assert.equal(runner.ready, true)
    const copied = await bench.copied()
    // a source may repeat what was not acknowledged; the task copies each record of the input exactly once
    const arrivals = (await bench.lab.read(topics.objectArrivals)).map(({ value }) => Number(value))
    assert.deepEqual(copied, arrivals)
    assert.deepEqual(
      [...new Set(arrivals)].sort((a, b) => a - b),
      upTo(sent),
    )
  },
)
