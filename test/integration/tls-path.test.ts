/** The whole path over TLS and SCRAM, on a stack of its own, each role with a login that has the ACLs of docs/operations.md alone; denials; a wrong password. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { checkPositions } from '../../operations/check-positions.ts'
import { buildParts } from '../../operations/run-roles.ts'
import { migrateTables } from '../../sinks/clickhouse/clickhouse-part.ts'
import { readerOf } from '../../operations/choose-parts.ts'
import { openSession } from '../../operations/session.ts'
import { loadConfig } from '../../config/config.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { flowErrorOf } from '../../runtime/errors.ts'
import { resetGroup } from '../../runtime/kafka/topic-admin.ts'
import { runParts } from '../../runtime/lifecycle.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import { startStack, type Stack } from '../../stack/local-stack.ts'
import { stackEnvironment } from '../../stack/stack-environment.ts'
import type { RoleName } from '../../topology.ts'
import { AclAdmin, documentedAcls } from '../support/kafka/acls.ts'
import { flowloom } from '../support/processes/command-line.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

const roles = ['discover', 'notify', 'fetch', 'enrich', 'ip-context', 'clickhouse'] as const satisfies readonly RoleName[]
const [yesterday, today] = [1, 0].map(days => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10)) as [string, string]
/** Commands that ask Kafka, by the name of their login. */
const commands = {
  'topics apply': [['topics', 'apply']],
  audit: [['audit']],
  coverage: [['coverage', '--json']],
  backfill: [['backfill', 's3://tls', '--from', yesterday, '--to', today], ['retry']],
  'dead-letters': [['dead-letters']],
  'dead-letters replay': [['dead-letters', 'replay', '--force']],
  'reset clickhouse': [['reset', 'clickhouse', '--yes']],
} as const
const loginOf = (who: string): string => who.replace(' ', '-')

const dataDir = mkdtempSync(join(tmpdir(), 'flowloom-tls-'))
let stack: Stack
let acls: AclAdmin
const running = new Map<string, Running>()

before(async () => {
  const aclUsers = [...roles, ...Object.keys(commands).map(loginOf), 'denied']
  stack = await startStack({ dataDir, ports: 'free', tls: true, aclUsers })
  acls = await AclAdmin.open(stack)
})
after(async () => {
  for (const { stop } of running.values()) await stop().catch(() => undefined)
  await acls.close()
  await stack.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

/** Settings of a process with this login. */
const environmentOf = (username: string): Record<string, string> => ({
  ...stackEnvironment(stack),
  FLOWLOOM_KAFKA_USERNAME: username,
  FLOWLOOM_KAFKA_PARTITIONS: '2',
  FLOWLOOM_KAFKA_FEW_PARTITIONS: '1',
  FLOWLOOM_KAFKA_COMMIT_INTERVAL_MS: '200',
  FLOWLOOM_S3_SOURCES: '[{"bucket":"tls"}]',
  FLOWLOOM_S3_QUEUES: JSON.stringify([{ url: stack.endpoints.sqsQueueUrl, region: 'us-east-1' }]),
  FLOWLOOM_S3_POLL_INTERVAL_MS: '500',
  FLOWLOOM_LOOKUPS_COUNTRY: 'none',
  FLOWLOOM_LOOKUPS_ASN: 'none',
  FLOWLOOM_HTTP_PORT: '0',
  FLOWLOOM_LOG_LEVEL: 'error',
})

interface Running {
  stop(): Promise<void>
  readonly ended: Promise<unknown>
}

/** Does what `flowloom run --roles <role>` does, in this process. */
async function start(role: RoleName, login: string): Promise<Running> {
  const session = await openSession({ overrides: loadConfig({ env: environmentOf(login) }) }, new AbortController().signal)
  if (role === 'clickhouse') await migrateTables(session.config.clickhouse)
  const stop = new AbortController()
  const ended = checkPositions(session, [role]).then(
    () => runParts(buildParts(session, [role]).parts, stop.signal, 20_000, session.log),
    async (error: unknown) => {
      await session.cluster.close()
      throw error
    },
  )
  ended.catch(() => undefined)
  return {
    ended,
    async stop() {
      stop.abort()
      await ended
    },
  }
}

test('brings records from S3 to the table, with the documented ACLs and no others', { timeout: 120_000 }, async () => {
  const documented = documentedAcls()
  const known = new Set(['every one', ...roles, ...Object.keys(commands), 'kafka.createTopics', 'retry', 'replay'])
  assert.deepEqual(
    [...new Set(documented.flatMap(({ who }) => who))].filter(who => !known.has(who)),
    [],
  )
  for (const who of [...roles, ...Object.keys(commands)])
    await acls.allow(
      loginOf(who),
      documented.filter(acl => acl.who.includes(who) || acl.who.includes('every one')),
    )
  const run = async (who: keyof typeof commands): Promise<string> => {
    let said = ''
    for (const args of commands[who]) {
      const { code, out, err } = await flowloom(args, environmentOf(loginOf(who)))
      assert.equal(code, 0, `${args.join(' ')}: ${out}${err}`)
      said += out
    }
    return said
  }
  await run('topics apply')
  const client = s3Client(stack.endpoints.s3Endpoint)
  await createBucket(client, 'tls')
  const startS = Math.floor(Date.now() / 300_000) * 300 - 600
  const objects = [...generateObjects({ seed: 5, records: 2000, startS, slots: 1, badLineShare: 0.01 })]
  for (const { key, body } of objects) await putObject(client, 'tls', key, body)
  for (const role of roles) running.set(role, await start(role, role))
  const config = loadConfig({ env: environmentOf('clickhouse') })
  assert.deepEqual([config.kafka.tls, config.kafka.saslMechanism], [true, 'scram-sha-512'])
  const store = connectClickHouse(config.clickhouse)
  const failed = Promise.all([...running.values()].map(({ ended }) => ended))
  await Promise.race([settled(store, objects.length, 60_000), failed])
  await sleep(1000)
  assert.match(await run('audit'), /2,00\d .*every line is accounted for on every side/s)
  // it has bad lines, so the answer is a loss; that Kafka was asked is what matters here
  const report = await flowloom(commands.coverage[0], environmentOf('coverage'))
  assert.equal((JSON.parse(report.out) as { waiting: { unknown: string | null } }).waiting.unknown, null)
  await Promise.all([run('backfill'), run('dead-letters'), run('dead-letters replay')])

  const session = await openSession({ overrides: loadConfig({ env: stackEnvironment(stack) }) }, new AbortController().signal)
  await assert.rejects(resetGroup(session.cluster, readerOf('flows'), { attempts: 1 }), {
    code: 'GROUP_NOT_EMPTY',
    message: /"flowloom.sink-flows" .*stop the processes of the role clickhouse-flows, then/,
  })
  await assert.rejects(
    resetGroup(session.cluster, readerOf('flows'), { attempts: 1, part: 'clickhouse' }),
    /stop the processes of the part clickhouse \(`run`, /,
  )
  await Promise.all([...running.values()].map(({ stop }) => stop()))
  await run('reset clickhouse')
  await resetGroup(session.cluster, 'enrich')
  await session.cluster.close()
  await store.close()
  const forgotten = await start('enrich', 'enrich')
  await assert.rejects(forgotten.ended, { code: 'POSITION_LOST' })
})

/** What one login more and more may do, and what it is told about the next thing that is missing. */
const denials = [
  { allow: [], role: 'enrich', message: /denies Describe on the topic "flowloom\.[a-z-]+\.v1"/ },
  { allow: ['Topic flowloom.* Describe'], role: 'enrich', message: /denies Describe on the group "flowloom\.enrich"/ },
  { allow: ['Group flowloom.* Read'], role: 'fetch', message: /denies Describe on the transactional id "flowloom\.s3-fetch\.[01]"/ },
  { allow: ['TransactionalId flowloom.* Write'], role: 'fetch', message: /denies (Write|Read) on (one of )?the topics? "flowloom\.obje/ },
  { allow: [], role: 'discover', message: /denies (IdempotentWrite on the cluster|Write on the topic "flowloom\.object-arrivals)/ },
  { allow: ['Topic flowloom.raw-lines.v1 Write'], role: 'discover', message: /denies Write on the topic "flowloom\.object-arrivals/ },
] as const

test('what the broker denies to a role ends it with one line that names operation and resource', { timeout: 60_000 }, async () => {
  for (const { allow, role, message } of denials) {
    await acls.allowTexts('denied', allow)
    await assert.rejects(
      start(role, 'denied').then(({ ended }) => ended),
      error => {
        assert.match(flowErrorOf(error)?.message ?? String(error), message)
        assert.deepEqual([flowErrorOf(error)?.code, flowErrorOf(error)?.retriable], ['KAFKA_DENIED', false])
        return true
      },
    )
  }
})

for (const [args, message] of [
  [['topics', 'apply'], /denies DescribeConfigs on one of the topics "flowloom/],
  [['reset', 'clickhouse', '--yes'], /denies Delete on the group "flowloom\.sink-flows"/],
] as const)
  test(`what the broker denies to \`${args.join(' ')}\` is one line`, { timeout: 60_000 }, async () => {
    const { code, err } = await flowloom(args, environmentOf('denied'))
    assert.equal(code, 1)
    assert.match(err, /^flowloom: [^\n]+\n$/)
    assert.match(err, message)
  })

// at once: most of it is waiting
describe('faults of login and TLS', { concurrency: true }, () => {
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
})
