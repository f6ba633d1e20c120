/** Faults of the S3 server for one bucket, beside those that others have set on the same server. */
import type { FaultRule } from '../../../stack/s3-faults.ts'

/**
 * Replaces the faults of a bucket; those of other buckets stay.
 *
 * @param rules Without their bucket. None: the bucket works again.
 */
export async function setBucketFaults(endpoint: string, bucket: string, rules: readonly Omit<FaultRule, 'bucket'>[]): Promise<void> {
  const present = (await (await fetch(`${endpoint}/_faults`)).json()) as FaultRule[]
  const others = present.filter(rule => rule.bucket !== bucket)
  const body = JSON.stringify([...rules.map(rule => ({ ...rule, bucket })), ...others])
  const answer = await fetch(`${endpoint}/_faults`, { method: 'PUT', body })
  if (!answer.ok) throw new Error(`the S3 server refuses the faults: ${answer.status}`)
}
