/** Looks, in a table that does not drop a repetition by itself, for the row that the first record of its topic made. */
import type { Codecs } from '../../runtime/avro.ts'
import type { OutputLook } from '../../runtime/part.ts'
import type { InRecord } from '../../runtime/records.ts'
import { withStore } from './clickhouse-client.ts'
import { objectNumber } from './row-tables.ts'
import type { ClickHouseSettings } from './settings.ts'
import type { TableName } from './store.ts'

/** Where a row would be that a record made. */
interface Place {
  readonly where: string
  readonly objectId: Buffer
  readonly line: number
  /** Values of the columns that keep the search short. */
  readonly parameters: Readonly<Record<string, unknown>>
}

type PlaceOf = (codecs: Codecs, record: InRecord & { value: Buffer }) => Place

const byTime = ({ start, objectId, line }: { start: number; objectId: Buffer; line: number }): Place => ({
  where: 'start = toDateTime({start:UInt32})',
  objectId,
  line,
  parameters: { start },
})

/** Other deployments may fill the same tables: a row is looked for, not whether there are any. */
const lookIn = (table: TableName, placeOf: PlaceOf): OutputLook<{ readonly clickhouse: ClickHouseSettings }> => ({
  doc: `the table ${table}`,
  async find(first, { config, codecs }) {
    if (first.value === null) return undefined
    const { where, objectId, line, parameters } = placeOf(codecs, { ...first, value: first.value })
    const sql = `SELECT 1 AS found FROM ${table} WHERE ${where} AND object_id = {objectId:UInt64} AND line = {line:UInt32} LIMIT 1`
    const values = { ...parameters, line, objectId: objectNumber(objectId).toString() }
    const rows = await withStore(config.clickhouse, store => store.query(sql, values))
    return rows.length > 0 ? `the table ${table}` : undefined
  },
})

/** For the table of flows. */
export const firstFlow = lookIn('flows', (codecs, { value }) => byTime(codecs.flows.decodeValue(value)))

/** For the table of gaps. */
export const firstGap = lookIn('flow_gaps', (codecs, { value }) => byTime(codecs.flowGaps.decodeValue(value)))

/** For the table of dead letters. */
export const firstDeadLetter = lookIn('dead_letters', (codecs, { key, value }) => ({
  where: 'bucket = {bucket:String} AND key = {key:String}',
  ...codecs.deadLetters.decodeValue(value),
  parameters: { ...codecs.deadLetters.decodeKey(key!) },
}))
