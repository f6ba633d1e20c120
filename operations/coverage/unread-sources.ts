/** Sources of the settings of which nothing was ever read: a wrong prefix looks like a quiet network. */
import type { S3Source } from '../../producers/s3/settings.ts'
import { rootOf } from '../../producers/s3/objects/source-layout.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'

/** @returns Names of the sources that the table of objects has no object of. */
export async function unreadSources(store: Pick<Store, 'query'>, sources: readonly S3Source[]): Promise<string[]> {
  const unread: string[] = []
  for (const source of sources) {
    const [bucket, root] = [source.bucket, rootOf(source)]
    const sql = 'SELECT 1 AS found FROM objects WHERE bucket = {bucket:String} AND startsWith(key, {root:String}) LIMIT 1'
    if ((await store.query(sql, { bucket, root })).length === 0) unread.push(`s3://${bucket}/${root}`)
  }
  return unread
}
