/** Counts what the tables hold, by object version. */
import type { Store } from '../sinks/clickhouse/store.ts'
import { addTally, sumOf, tallyOf, type Tallies } from '../schemas/tally.ts'

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
