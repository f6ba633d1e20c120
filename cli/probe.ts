/** Tries what the settings name, one thing after the other, and says of each what works and which permission is missing. */
import { isCredentialTrouble } from '../producers/s3/credentials.ts'
import { createS3Stores } from '../producers/s3/s3-object-store.ts'
import { createFlowLogService, flowLogOf, type FlowLogService } from '../producers/s3/describe-flow-logs.ts'
import { namesBeforeDescribed } from '../producers/s3/log-format.ts'
import { openQueue, type NotificationQueue } from '../producers/s3/notify-queue.ts'
import type { ListedObject, ObjectStore } from '../producers/s3/object-store.ts'
import { isWanted, rootOf } from '../producers/s3/source-layout.ts'
import type { Config, S3Queue, S3Source } from '../config.ts'
import { FlowError, causesOf, errorText } from '../runtime/errors.ts'
import { Cluster } from '../runtime/kafka/cluster.ts'
import { createLog } from '../runtime/log.ts'
import { request } from '../runtime/registry-request.ts'
import { connectClickHouse } from '../sinks/clickhouse/clickhouse-client.ts'

/** One thing that was tried. */
export interface ProbeResult {
  /** What it is about: a bucket, a queue, a service. */
  readonly subject: string
  /** The permission or step. */
  readonly step: string
  readonly result: 'ok' | 'missing' | 'unknown'
  readonly detail: string
}

/** What the probe opens; tests bring their own. */
export interface ProbeParts {
  readonly stores: (bucket: string, key: string) => ObjectStore
  readonly openQueue: (queue: S3Queue) => NotificationQueue
  readonly flowLogs: FlowLogService
}

const ok = (subject: string, step: string, detail = ''): ProbeResult => ({ subject, step, result: 'ok', detail })
const missing = (subject: string, step: string, error: unknown): ProbeResult => ({
  subject,
  step: credentialStep(error) ?? step,
  result: 'missing',
  detail: errorText(error).split('\n')[0]!,
})

/** What stands before the permission that was asked for: credentials, or the role that they may not assume. */
function credentialStep(error: unknown): string | undefined {
  const causes = [...causesOf(error)]
  const trouble = causes.findIndex(isCredentialTrouble)
  if (trouble < 0) return undefined
  return (causes[trouble + 1] as { name?: string } | undefined)?.name === 'AccessDenied' ? 'sts:AssumeRole' : 'credentials'
}

/** What a probe finds out about a source. */
interface SourceProbe {
  readonly results: readonly ProbeResult[]
  /** An object of it; undefined: none was found. */
  readonly object: ListedObject | undefined
}

/** Lists and reads one object of a source. */
async function probeSource(source: S3Source, store: ObjectStore): Promise<SourceProbe> {
  const prefix = rootOf(source)
  const subject = `s3://${source.bucket}/${prefix}`
  let object: ListedObject | undefined
  try {
    for await (const listed of store.list(source.bucket, prefix))
      if (isWanted(source, listed.key)) {
        object = listed
        break
      }
  } catch (error) {
    return { results: [missing(subject, 's3:ListBucket', error)], object }
  }
  const list = ok(subject, 's3:ListBucket')
  if (object === undefined)
    return {
      results: [list, { subject, step: 's3:GetObject', result: 'unknown', detail: 'no flow log object is there to try it with' }],
      object,
    }
  try {
    const opened = await store.open(source.bucket, object.key)
    opened.body.destroy()
    return { results: [list, ok(subject, 's3:GetObject', object.key)], object }
  } catch (error) {
    const isKey = error instanceof FlowError && error.code === 'S3_KEY_DENIED'
    return { results: [list, missing(subject, isKey ? 'kms:Decrypt' : 's3:GetObject', error)], object }
  }
}

/** Asks EC2 for permission to ask, where formats come from there. */
async function probeFormats(
  settings: Config['s3'],
  source: S3Source,
  object: ListedObject | undefined,
  flowLogs: FlowLogService,
): Promise<ProbeResult[]> {
  if (namesBeforeDescribed(source.format) === undefined) return []
  const { bucket, prefix, flowLogId } = source
  const subject = `s3://${bucket}/${prefix}`
  const step = 'ec2:DescribeFlowLogs'
  if (object === undefined && flowLogId === undefined)
    return [{ subject, step, result: 'unknown', detail: 'no flow log object is there to try it with' }]
  return [await attempt(subject, step, () => flowLogs.tryAsking(flowLogOf(settings, source, { bucket, key: object?.key ?? '' })))]
}

/** Asks for messages that it leaves, and deletes nothing: a receipt that cannot be tells whether it would be allowed to. */
async function probeQueue(queue: NotificationQueue): Promise<ProbeResult[]> {
  const results: ProbeResult[] = []
  for (const [step, action] of [
    ['sqs:ReceiveMessage', () => queue.tryReceive()],
    ['sqs:DeleteMessage', () => queue.tryDelete()],
  ] as const)
    try {
      await action()
      results.push(ok(queue.url, step))
    } catch (error) {
      results.push(missing(queue.url, step, error))
    }
  return results
}

async function attempt(subject: string, step: string, action: () => Promise<unknown>): Promise<ProbeResult> {
  try {
    await action()
    return ok(subject, step)
  } catch (error) {
    return missing(subject, step, error)
  }
}

async function probeServices(config: Config): Promise<ProbeResult[]> {
  const cluster = new Cluster(config.kafka, createLog('silent'))
  const store = connectClickHouse({ ...config.clickhouse, database: 'default' })
  try {
    return [
      await attempt(config.kafka.brokers.join(','), 'Kafka', async () => (await cluster.admin()).listTopics()),
      await attempt(config.registry.url, 'schema registry', async () => {
        const { url } = config.registry
        const { ok: found, status } = await request(config.registry, '/subjects')
        if (!found) throw new FlowError('REGISTRY_UNAVAILABLE', { url, detail: `status ${status}` })
      }),
      await attempt(config.clickhouse.url, 'ClickHouse', () => store.query('SELECT 1')),
    ]
  } finally {
    await store.close()
    void cluster.close().catch(() => undefined)
  }
}

/** Tries S3, EC2, SQS, Kafka, the registry and ClickHouse. Changes nothing anywhere. */
export async function probe(
  config: Config,
  parts: ProbeParts = {
    stores: createS3Stores(config.s3),
    openQueue: queue => openQueue(config.s3, queue),
    flowLogs: createFlowLogService(config.s3),
  },
): Promise<ProbeResult[]> {
  const results: ProbeResult[] = []
  for (const source of config.s3.sources) {
    const found = await probeSource(source, parts.stores(source.bucket, rootOf(source)))
    results.push(...found.results, ...(await probeFormats(config.s3, source, found.object, parts.flowLogs)))
  }
  for (const settings of config.s3.queues) {
    const queue = parts.openQueue(settings)
    results.push(...(await probeQueue(queue)))
    queue.close()
  }
  return [...results, ...(await probeServices(config))]
}

/** A line for each thing tried. */
export const probeText = (results: readonly ProbeResult[]): string =>
  results
    .map(({ subject, step, result, detail }) => `${result.padEnd(8)}${step.padEnd(22)}${subject}${detail === '' ? '' : `: ${detail}`}`)
    .join('\n')
