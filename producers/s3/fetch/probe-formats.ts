/** Asks EC2 for permission to ask, for sources whose formats come from there. */
import { attempt, unknown, type ProbeResult } from '../../../runtime/probe-result.ts'
import type { ListedObject, ObjectStore } from '../objects/object-store.ts'
import { rootOf } from '../objects/source-layout.ts'
import { lookAtSource } from '../objects/source-look.ts'
import type { S3Settings } from '../settings.ts'
import { namesBeforeDescribed } from '../text/log-format.ts'
import { createFlowLogService, flowLogOf } from './describe-flow-logs.ts'
import { createS3Stores } from '../objects/s3-object-store.ts'

/** An object whose flow log can be asked about; the part that lists a source tells if it cannot be listed. */
async function findObject(source: S3Settings['sources'][number], store: ObjectStore): Promise<ListedObject | undefined> {
  try {
    const look = await lookAtSource(source, store)
    return look.result === 'found' ? look.object : undefined
  } catch {
    return undefined
  }
}

/** Tries each source with such a format, one after the other. */
export async function probeFormats(settings: S3Settings): Promise<ProbeResult[]> {
  const described = settings.sources.filter(({ format }) => namesBeforeDescribed(format) !== undefined)
  if (described.length === 0) return []
  const [stores, flowLogs] = [createS3Stores(settings), createFlowLogService(settings)]
  const step = 'ec2:DescribeFlowLogs'
  const results: ProbeResult[] = []
  for (const source of described) {
    const { bucket, prefix, flowLogId } = source
    const subject = `s3://${bucket}/${prefix}`
    const object = await findObject(source, stores(bucket, rootOf(source), source))
    if (object === undefined && flowLogId === undefined) results.push(unknown(subject, step, 'no flow log object is there to try it with'))
    else
      results.push(await attempt(subject, step, () => flowLogs.tryAsking(flowLogOf(settings, source, { bucket, key: object?.key ?? '' }))))
  }
  return results
}
