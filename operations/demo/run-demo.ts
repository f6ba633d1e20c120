/** The whole path on this machine, from an empty folder to answers: local services, sample logs, one process for each role. */
import { counted } from '../../runtime/counted.ts'
import { join } from 'node:path'
import type { AuditReport } from '../../audit/audit.ts'
import { loadConfig } from '../../config/config.ts'
import { whenAborted } from '../../runtime/abort.ts'
import { errorText, FlowError } from '../../runtime/errors.ts'
import { applyTopics } from '../../runtime/kafka/topic-admin.ts'
import { isCompiled, ownFile } from '../../runtime/own-files.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import { audit } from '../audit.ts'
import { prepareParts, processLists } from '../choose-parts.ts'
import { openSession, type Session } from '../session.ts'
import { askQuestions, type DemoAnswers } from './answers.ts'
import { followProgress, type DemoProgress } from './follow-progress.ts'
import { RoleProcesses } from '../role-processes.ts'
import { upload } from './upload.ts'
import { topology } from '../../topology.ts'

/** Settings of the demo beside the endpoints: small topics, quick commits. */
const demoSettings = {
  FLOWLOOM_KAFKA_PARTITIONS: '4',
  FLOWLOOM_KAFKA_FEW_PARTITIONS: '1',
  FLOWLOOM_S3_POLL_INTERVAL_MS: '2000',
  FLOWLOOM_LOG_LEVEL: 'warn',
} as const

/** How to run it. */
export interface DemoOptions {
  /** Generated records. */
  readonly records: number
  /** Keep the data of an earlier demo. */
  readonly keep: boolean
  /** End as soon as the answers are there. */
  readonly exit: boolean
}

/** What is told on the way. */
export interface DemoListener {
  /** A line of the local stack. */
  service(text: string): void
  progress(progress: DemoProgress): void
  audited(report: AuditReport): void
  /** @param seconds Since the start. */
  answered(answers: DemoAnswers, seconds: number): void
  /** It runs on until the signal comes. */
  ready(env: Readonly<Record<string, string>>, urls: readonly string[]): void
  stopping(): void
}

async function openDemoSession(env: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Session> {
  const config = loadConfig({ env })
  const session = await openSession({ overrides: { ...config, kafka: { ...config.kafka, createTopics: true } } }, signal)
  await applyTopics(session.cluster)
  return session
}

/**
 * Runs the demo and ends everything that it started.
 *
 * @returns Whether the answers are right; undefined: the signal came before there were any.
 * @throws FlowError DEMO_BROKEN if a process or a service ended, or an object could not be put.
 */
export async function runDemo(options: DemoOptions, listener: DemoListener, signal: AbortSignal): Promise<boolean | undefined> {
  if (isCompiled) throw new FlowError('DEMO_ELSEWHERE', {})
  const { startStack } = await import('../../stack/local-stack.ts')
  const { stackEnvironment } = await import('../../stack/stack-environment.ts')
  const { portsFromEnvironment } = await import('../../stack/ports.ts')
  const startMs = performance.now()
  const stack = await startStack({
    dataDir: ownFile('../../.flowloom/demo', import.meta.url),
    ports: portsFromEnvironment(process.env),
    reset: !options.keep,
    handleSignals: false,
    signal,
    log: text => listener.service(text),
  })
  const roles = new RoleProcesses()
  const env: Record<string, string> = { ...stackEnvironment(stack), ...demoSettings }
  const session = await openDemoSession(env, signal)
  const store = connectClickHouse(session.config.clickhouse)
  try {
    await prepareParts(session.config, topology, session.log)
    await roles.start(processLists(session.config), env)
    const uploads = upload(stack.endpoints.s3Endpoint, options.records, signal)
    let complete = false
    const uploaded = uploads.done.then(() => {
      complete = true
      return new Promise<never>(() => undefined)
    })
    const broken = Promise.race([roles.failed, uploaded, stack.failed]).catch((cause: unknown): never => {
      throw new FlowError('DEMO_BROKEN', { detail: errorText(cause), logs: join(stack.dataDir, 'logs') }, { cause })
    })
    broken.catch(() => undefined)
    const objects = () => ({ expected: uploads.objects, complete })
    await followProgress(store, roles, broken, objects, progress => listener.progress(progress), signal)
    await uploads.done
    if (signal.aborted) return undefined
    const answer = async (): Promise<boolean> => {
      const report = await audit(session, true, () => undefined)
      listener.audited(report)
      const answers = await askQuestions(store)
      const faults = [
        ...answers.faults,
        ...(report.differences.length === 0 ? [] : [`the audit found ${counted(report.differences.length, 'difference')}`]),
      ]
      listener.answered({ ...answers, faults }, (performance.now() - startMs) / 1000)
      return faults.length === 0
    }
    const right = await Promise.race([answer(), broken])
    if (options.exit) return right
    listener.ready(env, roles.urls)
    await Promise.race([whenAborted(signal), broken])
    return true
  } finally {
    listener.stopping()
    await roles.stop()
    await store.close()
    await session.cluster.close()
    await stack.stop()
  }
}
