/** `flowloom demo`: the whole path on this machine, from an empty folder to answers. */
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig } from '../../config.ts'
import { uploadObjects } from '../../producers/synthetic/upload-objects.ts'
import { whenAborted } from '../../runtime/abort.ts'
import { errorText, FlowError } from '../../runtime/errors.ts'
import { isCompiled, ownFile } from '../../runtime/own-files.ts'
import { applyTopics } from '../../runtime/kafka/topic-admin.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { audit, formatAudit } from '../audit.ts'
import type { Command } from '../command.ts'
import { migrateTables } from '../run.ts'
import { openSession, type Session } from '../session.ts'
import { printAnswers } from './answers.ts'
import { demoObjects, type DemoObject } from './demo-objects.ts'
import { RoleProcesses } from './role-processes.ts'

const bucket = 'flow-logs'
const roleLists = ['discover,fetch', 'enrich', 'ip-context', 'sink'] as const

/** Settings of the demo beside the end points: small topics, quick commits. */
const demoSettings = {
  FLOWLOOM_KAFKA_PARTITIONS: '4',
  FLOWLOOM_KAFKA_FEW_PARTITIONS: '1',
  FLOWLOOM_S3_POLL_INTERVAL_MS: '2000',
  FLOWLOOM_LOG_LEVEL: 'warn',
} as const

interface Upload {
  readonly done: Promise<void>
  objects: number
}

/** Puts the objects, several at a time. */
function upload(s3Endpoint: string, records: number, signal: AbortSignal): Upload {
  const client = new S3Client({
    endpoint: s3Endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })
  const state = { objects: 0 }
  const put = async ({ key, body }: DemoObject): Promise<void> => {
    await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }))
    state.objects++
  }
  const run = async (): Promise<void> => {
    await client.send(new CreateBucketCommand({ Bucket: bucket })).catch((error: unknown) => {
      if ((error as Error).name !== 'BucketAlreadyOwnedByYou') throw error
    })
    await uploadObjects(put, demoObjects(Math.floor(Date.now() / 1000), records), { concurrency: 4, signal })
  }
  return Object.assign(state, { done: run() })
}

interface Progress {
  readonly objects: number
  readonly lines: number
  readonly rows: number
  readonly settled: boolean
}

/** How far the table is: settled where every line that was read stands in it. */
async function progressOf(store: Store): Promise<Progress> {
  const [row] = await store.query<Record<string, string>>(
    `SELECT (SELECT count() FROM objects FINAL WHERE state = 'done') AS objects, (SELECT sum(lines - header_lines - blank_lines) FROM objects FINAL WHERE state = 'done') AS lines,
       (SELECT count() FROM flows) + (SELECT count() FROM flow_gaps) + (SELECT count() FROM dead_letters) AS rows`,
  )
  const [objects, lines, rows] = [Number(row?.['objects']), Number(row?.['lines']), Number(row?.['rows'])]
  return { objects, lines, rows, settled: rows >= lines }
}

/**
 * Prints how far the path is, once a second, until all of it is in the table.
 *
 * @param broken Rejects where the rest will never come: a process or a service has ended, an object could not be put.
 */
export async function followProgress(
  store: Store,
  roles: Pick<RoleProcesses, 'metrics'>,
  broken: Promise<never>,
  objects: () => { expected: number; complete: boolean },
  print: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const startMs = performance.now()
  let previous = { rows: 0, ms: startMs }
  for (let idle = 0; idle < 3 && !signal.aborted;) {
    await Promise.race([sleep(1000, undefined, { signal }).catch(() => undefined), broken])
    const [now, metrics] = await Promise.all([progressOf(store), roles.metrics()])
    const ms = performance.now()
    const rate = Math.round((now.rows - previous.rows) / ((ms - previous.ms) / 1000))
    const { expected, complete } = objects()
    const lag = metrics.get('flowloom_lag_records') ?? 0
    print(
      `${((ms - startMs) / 1000).toFixed(0).padStart(4)} s  objects ${now.objects} of ${expected}${complete ? '' : '+'}  lines ${now.lines}  in the table ${now.rows}  ${rate} rows/s  lag ${lag}`,
    )
    const quiet = complete && now.objects >= expected && now.settled && now.rows === previous.rows
    idle = quiet ? idle + 1 : 0
    previous = { rows: now.rows, ms }
  }
}

async function answer(session: Session, store: Store, print: (text: string) => void): Promise<string[]> {
  const report = await audit(session, true, () => undefined)
  print(`\nConservation: every line, counted in S3, in the topics and in the table\n`)
  print(formatAudit(report, true))
  const faults = await printAnswers(store, print)
  return report.differences.length === 0 ? faults : [...faults, `the audit found ${report.differences.length} differences`]
}

function whatNext(env: Readonly<Record<string, string>>, roles: RoleProcesses): string {
  const exports = Object.entries(env).map(([name, value]) => `  export ${name}=${value}`)
  return [
    '\nTry next, in another terminal:\n',
    ...exports,
    '',
    '  npx flowloom lookup 10.0.0.220 --at 2023-11-14T22:13:30Z',
    '  npx flowloom audit',
    '  npx flowloom topology',
    `  curl '${env['FLOWLOOM_CLICKHOUSE_URL'] ?? ''}/?database=flowloom' --data 'SELECT * FROM flow_log LIMIT 3 FORMAT Vertical'`,
    '',
    ...roles.urls.map(url => `  ${url}`),
    '\nCountries: IP geolocation by DB-IP, https://db-ip.com',
    'Ctrl-C ends everything.',
  ].join('\n')
}

/** See the head of this file. */
export const demoCommand: Command = {
  name: 'demo',
  endsOnSignal: true,
  summary: 'start everything on this machine, run the main job on sample logs, show answers',
  options: {
    exit: { type: 'boolean', doc: 'verify the answers and end: exit code 0 if all is right' },
    records: { type: 'string', value: 'N', doc: 'generated records; default 200000' },
    keep: { type: 'boolean', doc: 'keep the data of an earlier demo (a second run over the same bucket adds nothing)' },
  },
  details: 'Ports and folder of the services: see `npm run stack -- --help`; STACK_KAFKA_PORT and the like change them here too.',
  async run({ values, signal }) {
    const print = (text: string): void => console.log(text)
    const records = parseRecords((values['records'] as string | undefined) ?? '200000')
    if (isCompiled) throw new FlowError('DEMO_ELSEWHERE', {})
    const { startStack } = await import('../../stack/local-stack.ts')
    const { stackEnvironment } = await import('../../stack/stack-environment.ts')
    const { portsFromEnvironment } = await import('../../stack/ports.ts')
    const startMs = performance.now()
    const stack = await startStack({
      dataDir: ownFile('../../.flowloom/demo', import.meta.url),
      ports: portsFromEnvironment(process.env),
      reset: values['keep'] !== true,
      handleSignals: false,
      signal,
      log: print,
    })
    const roles = new RoleProcesses()
    const env: Record<string, string> = { ...stackEnvironment(stack), ...demoSettings }
    const session = await openDemoSession(env, signal)
    const store = connectClickHouse(session.config.clickhouse)
    try {
      await migrateTables(session.config.clickhouse, session.config.networks.own)
      await roles.start(roleLists, env)
      const uploads = upload(stack.endpoints.s3Endpoint, records, signal)
      let complete = false
      const uploaded = uploads.done.then(() => {
        complete = true
        return new Promise<never>(() => undefined)
      })
      const broken = Promise.race([roles.failed, uploaded, stack.failed]).catch((cause: unknown): never => {
        throw new FlowError('DEMO_BROKEN', { detail: errorText(cause), logs: join(stack.dataDir, 'logs') }, { cause })
      })
      broken.catch(() => undefined)
      await followProgress(store, roles, broken, () => ({ expected: uploads.objects, complete }), print, signal)
      await uploads.done
      if (signal.aborted) return 130
      const faults = await Promise.race([answer(session, store, print), broken])
      print(`\nanswers after ${((performance.now() - startMs) / 1000).toFixed(0)} s`)
      for (const fault of faults) print(`WRONG: ${fault}`)
      if (values['exit'] === true) return faults.length === 0 ? 0 : 1
      print(whatNext(env, roles))
      await Promise.race([whenAborted(signal), broken])
      return 0
    } finally {
      print('\nstopping')
      await roles.stop()
      await store.close()
      await session.cluster.close()
      await stack.stop()
    }
  },
}

function parseRecords(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new FlowError('USAGE', { detail: `--records takes a number, not "${text}"`, command: 'demo' })
  return Number(text)
}

async function openDemoSession(env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Session> {
  const config = loadConfig({ env })
  const session = await openSession({ overrides: { ...config, kafka: { ...config.kafka, createTopics: true } } }, signal)
  await applyTopics(session.cluster)
  return session
}
