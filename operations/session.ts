/** What commands share: configuration, log, cluster, schema ids and codecs, opened once and closed in reverse. */
import { setTimeout as sleep } from 'node:timers/promises'
import { loadConfig, type Config, type RawConfig } from '../config/config.ts'
import { orAborted } from '../runtime/abort.ts'
import { createCodecs, type Codecs, type WriterSchemas } from '../runtime/avro.ts'
import { finalAtStart, FlowError, kafkaFailureOf } from '../runtime/errors.ts'
import { ToldOnce } from '../runtime/told-once.ts'
import { Cluster } from '../runtime/kafka/cluster.ts'
import { reachBroker } from './reach-broker.ts'
import { applyTopics } from '../runtime/kafka/topic-admin.ts'
import { createLog, type Log } from '../runtime/log.ts'
import { learnWriters } from '../runtime/registry-subjects.ts'
import { Registry } from '../runtime/registry.ts'
import type { Topic } from '../schemas/topics.ts'

/** What a command has open while it runs. */
export interface Session {
  readonly config: Config
  readonly log: Log
  readonly cluster: Cluster
  readonly registry: Registry
  readonly codecs: Codecs
  readonly writers: WriterSchemas
}

/** Where the settings come from. */
export interface SessionOptions {
  readonly file?: string | undefined
  readonly overrides?: RawConfig
}

/**
 * Calls until it succeeds, as long as the failure can pass: a broker or registry that is not up yet, a leader that is being elected. A refused login is final.
 *
 * @param patient False: the first failure is final (commands a person waits for).
 */
export async function untilAvailable<T>(call: () => Promise<T>, log: Log, signal: AbortSignal, patient: boolean): Promise<T> {
  const told = new ToldOnce()
  for (let waitMs = 250; ; waitMs = Math.min(waitMs * 2, 5000)) {
    try {
      return await (patient ? orAborted(call(), signal) : call())
    } catch (thrown) {
      const failure = thrown instanceof FlowError ? undefined : kafkaFailureOf(thrown)
      const error = failure?.passing === true ? failure.error : thrown
      if (!patient || !(error instanceof FlowError) || !error.retriable || finalAtStart.has(error.code) || signal.aborted) throw thrown
      const isNews = told.isNews(error.message, Date.now())
      log[isNews ? 'warn' : 'debug']({ code: error.code, error: error.message }, 'waiting')
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

/** Level of a command that a person waits for: what went wrong is its last line, and what was retried on the way is not told. */
export const commandLevel = (level: Config['log']['level']): Config['log']['level'] =>
  level === 'info' || level === 'warn' ? 'error' : level

/**
 * Opens the cluster and learns topics and schema ids.
 *
 * @throws FlowError for every fault that a user can fix.
 */
export async function openSession(options: SessionOptions, signal: AbortSignal, patient = false): Promise<Session> {
  const config = loadConfig({ file: options.file, ...(options.overrides === undefined ? {} : { overrides: options.overrides }) })
  const log = createLog(patient ? config.log.level : commandLevel(config.log.level))
  const cluster = new Cluster(config.kafka, log)
  const registry = new Registry(config.registry, config.kafka.topicPrefix)
  const writers: WriterSchemas = new Map()
  try {
    if (patient) await untilAvailable(() => reachBroker(config.kafka.brokers), log, signal, patient)
    if (config.kafka.createTopics) {
      await untilAvailable(() => registry.check(), log, signal, patient)
      await untilAvailable(() => applyTopics(cluster), log, signal, patient)
    }
    await untilAvailable(() => cluster.loadTopics(), log, signal, patient)
    const ids = await untilAvailable(() => registry.schemaIds(), log, signal, patient)
    return { config, log, cluster, registry, codecs: createCodecs(ids, writers), writers }
  } catch (error) {
    // not waited for: it may be the broker that does not answer
    void cluster.close().catch(() => undefined)
    throw error
  }
}

/** Loads the schemas of older writers of these topics: a command reads records that were written before an upgrade. */
export async function learnOlderWriters({ config, cluster, writers }: Session, read: readonly Topic[]): Promise<void> {
  for (const topic of read) await learnWriters(config.registry, `${cluster.topicName(topic)}-value`, writers)
}
