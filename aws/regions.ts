/** Names of regions of AWS. */
import { regionFault, regionShape, type ValueCheck } from '../runtime/value-checks.ts'

/** Region of AWS. */
export const awsRegionFault: ValueCheck = value =>
  regionFault(value) ?? (regionShape.test(value) ? undefined : 'not a region: write one like us-east-1')

/** Region of a queue: as set, as its URL says, else the given one. */
export const regionOfQueue = (queue: { readonly url: string; readonly region?: string | undefined }, otherwise: string): string =>
  queue.region ??
  /^https?:\/\/(?:(?:vpce-[a-z0-9-]+\.)?sqs(?:-fips)?\.([a-z0-9-]+)\.|([a-z0-9-]+)\.queue\.)/.exec(queue.url)?.slice(1).find(Boolean) ??
  otherwise
