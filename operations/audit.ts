/** The audit of a deployment: conservation from S3 to the table. */
import { counted } from '../runtime/counted.ts'
import { auditOf, faultsOf, type AuditReport } from '../audit/audit.ts'
import type { KeyRange } from '../audit/key-time.ts'
import { listingRoot } from '../audit/plain-listing.ts'
import { readBuckets } from '../audit/read-buckets.ts'
import { placesInTables, tallyTables } from '../audit/table-tallies.ts'
import { tallyTopics } from '../audit/topic-tallies.ts'
import type { StoreOf } from '../producers/s3/objects/object-store.ts'
import { createS3Stores } from '../producers/s3/objects/s3-object-store.ts'
import { topics } from '../schemas/topics.ts'
import { withStore } from '../sinks/clickhouse/clickhouse-client.ts'
import type { Store } from '../sinks/clickhouse/store.ts'
import { learnOlderWriters, type Session } from './session.ts'

export { faultsOf, type KeyRange }

/** One small question to each side: what is away is told at once, not after hours of reading the others. */
async function askEverySide({ config, cluster }: Session, stores: StoreOf, store: Store, withTopics: boolean): Promise<void> {
  await store.query('SELECT 1 AS found FROM objects LIMIT 1')
  if (withTopics) await cluster.ranges(topics.objects)
  for (const source of config.s3.sources) {
    const root = listingRoot(source)
    for await (const _first of stores(source.bucket, root, source).list(source.bucket, root)) break
  }
}

/**
 * Counts every line on every side and compares.
 *
 * @param progress Told how far it is, in words.
 * @param range Objects of this time alone; undefined: all.
 */
export async function audit(
  session: Session,
  withTopics: boolean,
  progress: (text: string) => void,
  range?: KeyRange,
): Promise<AuditReport> {
  const { config, cluster, codecs } = session
  const stores = createS3Stores(config.s3)
  return withStore(config.clickhouse, async store => {
    await askEverySide(session, stores, store, withTopics)
    const scope = { s3: config.s3, nowMs: Date.now(), range }
    const s3 = await readBuckets(scope, stores, objects => {
      if (objects % 500 === 0) progress(`${counted(objects, 'object')} read from S3`)
    })
    if (withTopics)
      await learnOlderWriters(session, [topics.objects, topics.flows, topics.flowGaps, topics.deadLetters, topics.deadLetterReplays])
    const told = withTopics ? await tallyTopics(cluster, codecs, progress) : undefined
    progress('asking ClickHouse')
    const tables = await tallyTables(store)
    return auditOf(scope, s3, told?.ledger ?? new Map(), told?.tallies, tables, await placesInTables(store))
  })
}
