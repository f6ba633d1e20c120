/** Counts what is in the tables. */
import type { Store } from '../sinks/clickhouse/store.ts'

/** What stands in the tables. */
export interface TableCounts {
  readonly objects: number
  readonly failed: number
  readonly lines: number
  readonly flows: number
  readonly gaps: number
  readonly dead: number
}

/** Asks for the counts; zeros while the server is away. */
export async function tableCounts(store: Store): Promise<TableCounts> {
  const [row] = await store
    .query<Record<string, string>>(
      `SELECT (SELECT countIf(state = 'done') FROM objects FINAL) AS objects, (SELECT countIf(state = 'failed') FROM objects FINAL) AS failed,
         (SELECT sum(lines - header_lines - blank_lines) FROM objects FINAL) AS lines,
         (SELECT count() FROM flows) AS flows, (SELECT count() FROM flow_gaps) AS gaps, (SELECT count() FROM dead_letters) AS dead`,
    )
    .catch((): Record<string, string>[] => [])
  const number = (name: string): number => Number(row?.[name] ?? 0)
  return {
    objects: number('objects'),
    failed: number('failed'),
    lines: number('lines'),
    flows: number('flows'),
    gaps: number('gaps'),
    dead: number('dead'),
  }
}
