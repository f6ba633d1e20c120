/** Tries what the settings name, one thing after the other, and says of each what works and which permission is missing. */
import { createS3Stores } from '../../producers/s3/objects/s3-object-store.ts'
import { createFlowLogService, flowLogOf, type FlowLogService } from '../../producers/s3/fetch/describe-flow-logs.ts'
import { namesBeforeDescribed } from '../../producers/s3/text/log-format.ts'
import { openQueue, type NotificationQueue } from '../../producers/s3/notify/notify-queue.ts'
import type { ListedObject, StoreOf } from '../../producers/s3/objects/object-store.ts'
import { rootOf } from '../../producers/s3/objects/source-layout.ts'
import type { Config } from '../../config/config.ts'
import type { S3Queue, S3Source } from '../../producers/s3/settings.ts'
import { attempt, unknown, type ProbeResult } from './probe-result.ts'
import { adviceOnUrl, advised, probeServices } from './probe-services.ts'
import { nothingToTry, probeSource } from './probe-source.ts'

/** What the probe opens; tests bring their own. */
export interface ProbeParts {
  readonly stores: StoreOf
  readonly openQueue: (queue: S3Queue) => NotificationQueue
  readonly flowLogs: FlowLogService
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
  if (object === undefined && flowLogId === undefined) return [unknown(subject, step, nothingToTry)]
  return [await attempt(subject, step, () => flowLogs.tryAsking(flowLogOf(settings, source, { bucket, key: object?.key ?? '' })))]
}

/** Asks for messages that it leaves, and deletes nothing: a receipt that cannot be tells whether it would be allowed to. */
async function probeQueue(queue: NotificationQueue): Promise<ProbeResult[]> {
  return [
    await attempt(queue.url, 'sqs:ReceiveMessage', () => queue.tryReceive()),
    await attempt(queue.url, 'sqs:DeleteMessage', () => queue.tryDelete()),
  ]
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
    const found = await probeSource(source, parts.stores(source.bucket, rootOf(source), source))
    const { endpoint } = config.s3
    const advice = async (): Promise<string | undefined> => (endpoint === undefined ? undefined : adviceOnUrl('s3.endpoint', endpoint))
    results.push(...(await advised(found.results, 'S3', advice)), ...(await probeFormats(config.s3, source, found.object, parts.flowLogs)))
  }
  for (const settings of config.s3.queues) {
    const queue = parts.openQueue(settings)
    results.push(...(await probeQueue(queue)))
    queue.close()
  }
  return [...results, ...(await probeServices(config))]
}
