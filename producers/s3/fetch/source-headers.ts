/** What a source says of its records, for those that say it neither themselves nor by their keys: headers of `raw-lines` records. */
import type { S3Source } from '../settings.ts'
import type { ObjectKey } from '../../../schemas/records.ts'
import { rawLineHeaders } from '../../../schemas/topics.ts'
import { folderOf } from '../source-folder.ts'
import { sourceOf } from '../objects/object-store.ts'

/**
 * Headers of the records of an object; empty if its source names nothing. The region of a source is that of its bucket alone unless the source
 * names account or scope too.
 */
export function sourceHeaders(sources: readonly S3Source[], { bucket, key }: ObjectKey): Record<string, string> {
  const source = sourceOf(sources, bucket, key)
  if (source === undefined || !key.startsWith(folderOf(source))) return {}
  const { account, region, scope } = source
  if (account === undefined && scope === undefined) return {}
  return {
    ...(account === undefined ? {} : { [rawLineHeaders.accountId]: account }),
    ...(region === undefined ? {} : { [rawLineHeaders.region]: region }),
    ...(scope === undefined ? {} : { [rawLineHeaders.scope]: scope }),
  }
}
