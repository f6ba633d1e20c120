/** What a replay gave, beside what the live tables hold of the same objects. */
import { identifier } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'

/** What is counted. */
export const countedFields = ['objects', 'flows', 'packets', 'bytes', 'noData', 'skipData', 'dead', 'addresses'] as const

/** Counts of one side; numbers as text, because sums may be larger than 2^53. */
export type ReplayCounts = Readonly<Record<(typeof countedFields)[number], string>>

/** Both sides; `live` undefined if the live database has no such tables. */
export interface Comparison {
  readonly replay: ReplayCounts
  readonly live: ReplayCounts | undefined
}

async function countSide(store: Store, side: string, replay: string, dead: string): Promise<ReplayCounts | undefined> {
  const [from, ours] = [identifier(side), identifier(replay)]
  const mine = `object_id IN (SELECT object_id FROM ${ours}.flows UNION DISTINCT SELECT object_id FROM ${ours}.flow_gaps UNION DISTINCT SELECT object_id FROM ${ours}.dead_letters)`
  const [row] = await store.query<ReplayCounts>(
    `SELECT
      (SELECT uniqExact(object_id) FROM (SELECT object_id FROM ${from}.flows WHERE ${mine} UNION ALL SELECT object_id FROM ${from}.flow_gaps WHERE ${mine} UNION ALL SELECT object_id FROM ${from}.dead_letters WHERE ${mine})) AS objects,
      (SELECT count() FROM ${from}.flows WHERE ${mine}) AS flows,
      (SELECT sum(packets) FROM ${from}.flows WHERE ${mine}) AS packets,
      (SELECT sum(bytes) FROM ${from}.flows WHERE ${mine}) AS bytes,
      (SELECT countIf(kind = 'NODATA') FROM ${from}.flow_gaps WHERE ${mine}) AS noData,
      (SELECT countIf(kind = 'SKIPDATA') FROM ${from}.flow_gaps WHERE ${mine}) AS skipData,
      (SELECT count() FROM ${from}.${dead} AND ${mine}) AS dead,
      (SELECT uniqExact(scope, ip) FROM ${from}.cloud_map FINAL) AS addresses`,
  )
  return row
}

/**
 * Counts both sides. The live side may be of an older version, which knows nothing of dead letters that were sent back.
 *
 * @param liveTables What the live database has.
 */
export async function compareReplay(store: Store, liveDatabase: string, liveTables: readonly string[]): Promise<Comparison> {
  const open = "dead_letter_states WHERE state = 'open'"
  const live = liveTables.includes('flows')
    ? await countSide(store, liveDatabase, store.database, liveTables.includes('dead_letter_states') ? open : 'dead_letters WHERE 1')
    : undefined
  return { replay: (await countSide(store, store.database, store.database, open))!, live }
}
