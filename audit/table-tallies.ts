/** Counts what the tables hold, by object version. */
import type { Store } from '../sinks/clickhouse/store.ts'
import type { KnownPlaces } from './whereabouts.ts'
import { addTally, sumOf, tallyOf, type Tallies } from '../schemas/tally.ts'

/** Asks ClickHouse where each object version was read from. */
export async function placesInTables(store: Store): Promise<KnownPlaces> {
  const rows = await store.query<{ id: string; bucket: string; key: string; stored: string | null }>(
    `SELECT leftPad(lower(hex(object_id)), 16, '0') AS id, toString(bucket) AS bucket, key, toUnixTimestamp64Milli(last_modified) AS stored FROM objects FINAL`,
  )
  return new Map(rows.map(({ id, bucket, key, stored }) => [id, { bucket, key, storedMs: stored === null ? undefined : Number(stored) }]))
}

type Row = { id: string } & Record<string, string | number>

/** Asks ClickHouse for the counts of every object version. */
export async function tallyTables(store: Store): Promise<Tallies> {
  const tallies: Tallies = new Map()
  const ask = async (sql: string): Promise<void> => {
    for (const { id, ...counts } of await store.query<Row>(sql))
      addTally(tallyOf(tallies, id), Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, sumOf(value)])))
  }
  const id = `leftPad(lower(hex(object_id)), 16, '0') AS id`
  await ask(`SELECT ${id}, count() AS flows, sum(packets) AS packets, sum(bytes) AS bytes FROM flows GROUP BY object_id`)
  await ask(`SELECT ${id}, countIf(kind = 'NODATA') AS noData, countIf(kind = 'SKIPDATA') AS skipData FROM flow_gaps GROUP BY object_id`)
  await ask(`SELECT ${id}, count() AS dead FROM dead_letter_states WHERE state = 'open' GROUP BY object_id`)
  await ask(`SELECT ${id}, lines, header_lines AS headers, blank_lines AS blank FROM objects FINAL`)
  return tallies
}
