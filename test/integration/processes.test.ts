/** `run --processes N` on the real services: killed children, a killed parent, an ordered stop, a killed npx. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { goldenObjects } from '../../operations/demo/demo-objects.ts'
import { checkConfig } from '../../config/config.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { createLog } from '../../runtime/log.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import { flowloom, startFlowloom, startProgram, type Running } from '../support/processes/command-line.ts'
import { settingsEnvironment } from '../../harness/fleet.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const shutdownGraceMs = 8000

interface Line {
  readonly msg: string
  readonly pid: number
  readonly process?: number
  readonly port?: number
  readonly processes?: number
}

/** Lines of the one log, of the watching process and of those it watches. */
function linesOf({ said }: Running): Line[] {
  return said.err
    .split('\n')
    .filter(line => line.startsWith('{') && line.endsWith('}'))
    .map(line => JSON.parse(line) as Line)
}

/** Pids of the watched processes by number: the newest of each. The line is of the parent, and names the child. */
function childrenOf(run: Running): Map<number, number> {
  const started = linesOf(run).filter(({ msg }) => msg === 'process started')
  // the pid of the writer stands in front of that of the child
  const pids = [...run.said.err.matchAll(/"process":(\d+),"pid":(\d+),"msg":"process started"/g)].map(
    ([, n, pid]) => [Number(n), Number(pid)] as const,
  )
  assert.equal(pids.length, started.length)
  return new Map(pids)
}

/** True while the process runs; one that has ended and waits for its parent does not. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const watching = (run: Running): Line | undefined => linesOf(run).find(({ msg, processes }) => msg === 'running' && processes !== undefined)
const pageOf = (run: Running, path: string): Promise<Response> => fetch(`http://127.0.0.1:${watching(run)!.port!}${path}`)

async function ready(run: Running): Promise<void> {
  const wait = async (): Promise<void> => {
    await until(() => watching(run) !== undefined || run.child.exitCode !== null, 120_000, 'the start')
    await until(async () => (await pageOf(run, '/readyz')).status === 200, 60_000, 'readiness')
  }
  await wait().catch((error: unknown) => assert.fail(`${String(error)}\n${run.said.err}`))
}

/** A deployment of its own, and the words that run these roles twice. */
async function deployment(roles: string) {
  const settings = await freshSettings({
    kafka: { slot: 'west' },
    lookups: { country: 'none', asn: 'none' },
    run: { shutdownGraceMs },
    log: { level: 'info' },
  })
  return {
    settings,
    env: settingsEnvironment(settings),
    config: checkConfig(settings),
    args: ['run', '--processes', '2', '--roles', roles],
  }
}

test('two processes share the work; one that is killed is started again; SIGTERM stops all in order', { timeout: 400_000 }, async () => {
  const { env, config, args } = await deployment('discover,fetch,enrich,ip-context,clickhouse')
  const store = connectClickHouse(config.clickhouse)
  const cluster = new Cluster(config.kafka, createLog('silent'))
  const client = s3Client(config.s3.endpoint!)
  const bucket = config.s3.sources[0]!.bucket
  await createBucket(client, bucket)
  const slotS = Math.floor(Date.now() / 300_000) * 300 - 300
  const [objects, later] = [goldenObjects(slotS), goldenObjects(slotS - 300)]
  for (const { key, body } of objects) await putObject(client, bucket, key, body)
  const run = startFlowloom(args, env)
  try {
    await ready(run)
    await settled(store, objects.length, 90_000)

    const admin = await cluster.admin()
    const groups = ['s3-fetch', 'enrich', 'ip-context', 'sink-flows'].map(role => cluster.groupOf(role))
    const members = async (): Promise<string[][]> =>
      (await admin.describeGroups(groups)).groups.map(group =>
        group.members.map(({ memberId }) => /west-\d/.exec(memberId)?.[0] ?? memberId).sort(),
      )
    assert.deepEqual(
      await members(),
      groups.map(() => ['west-1', 'west-2']),
      'each process has its slot',
    )

    const page = await (await pageOf(run, '/metrics')).text()
    for (const process of ['1', '2']) {
      assert.match(page, new RegExp(`^flowloom_processes_running\\{process="${process}"\\} 1$`, 'm'))
      assert.match(page, new RegExp(`^flowloom_lag_records\\{process="${process}",`, 'm'))
    }
    assert.equal(page.match(/^# TYPE flowloom_lag_records /gm)?.length, 1)

    const before = childrenOf(run)
    process.kill(before.get(2)!, 'SIGKILL')
    await until(() => childrenOf(run).get(2) !== before.get(2), 20_000, 'the next start')
    await ready(run)
    assert.equal(childrenOf(run).get(1), before.get(1), 'the other goes on')
    assert.match(await (await pageOf(run, '/metrics')).text(), /^flowloom_processes_restarts_total\{process="2"\} 1$/m)
    for (const { key, body } of later) await putObject(client, bucket, key, body)
    await settled(store, objects.length + later.length, 90_000)

    const children = [...childrenOf(run).values()]
    assert.equal(children.filter(isAlive).length, 2)
    run.child.kill('SIGTERM')
    const { code, signal, err } = await run.ended
    assert.deepEqual([code, signal], [0, null], err)
    assert.deepEqual(children.filter(isAlive), [])
    assert.doesNotMatch(err, /did not stop|is killed|^\s+at /m)
    assert.deepEqual(
      await members(),
      groups.map(() => []),
      'nobody waits for a session to time out',
    )
  } finally {
    run.child.kill('SIGKILL')
    await cluster.close()
    await store.close()
  }
})

test('a parent that is killed leaves no child', { timeout: 120_000 }, async () => {
  const { env, args } = await deployment('enrich,ip-context')
  const run = startFlowloom(args, env)
  await ready(run)
  const children = [...childrenOf(run).values()]
  assert.equal(children.filter(isAlive).length, 2)
  run.child.kill('SIGKILL')
  await until(() => !children.some(isAlive), shutdownGraceMs + 4000, 'the end of the children')
})

for (const signal of ['SIGTERM', 'SIGKILL'] as const)
  test(`npx that is ended with ${signal} by its pid leaves nothing behind`, { timeout: 120_000 }, async () => {
    const { env, args } = await deployment('enrich')
    const run = startProgram('npx', ['flowloom', ...args], env)
    await ready(run)
    const all = [...childrenOf(run).values(), watching(run)!.pid]
    assert.equal(all.filter(isAlive).length, 3)
    run.child.kill(signal)
    await until(() => !all.some(isAlive), shutdownGraceMs + 6000, 'the end of all')
  })

test('a single process under npx ends with it, too', { timeout: 120_000 }, async () => {
  const { env } = await deployment('enrich')
  const run = startProgram('npx', ['flowloom', 'run', '--roles', 'enrich'], env)
  const running = (): Line | undefined => linesOf(run).find(({ msg }) => msg === 'running')
  await until(() => running() !== undefined || run.child.exitCode !== null, 60_000, 'the start').catch((error: unknown) =>
    assert.fail(`${String(error)}\n${run.said.err}`),
  )
  assert.ok(running() !== undefined, run.said.err)
  run.child.kill('SIGKILL')
  await until(() => !isAlive(running()!.pid), shutdownGraceMs + 6000, 'the end')
})

test('what no process can pass is told once, and not tried again', { timeout: 60_000 }, async () => {
  const { env, args } = await deployment('enrich')
  const { code, err } = await flowloom(args, { ...env, FLOWLOOM_KAFKA_CREATE_TOPICS: 'false' })
  assert.equal(code, 1)
  assert.equal(err.match(/^flowloom: topic "\S+" does not exist; .*$/gm)?.length, 1, err)
  const refused = await flowloom(args, { ...env, FLOWLOOM_KAFKA_BROKERS: 'x' })
  assert.equal(refused.code, 1)
  assert.match(refused.err, /^flowloom: the configuration is not valid:/)
})
