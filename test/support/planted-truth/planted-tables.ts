/** Puts planted worlds into the tables of ClickHouse. */
import type { Store } from '../../../sinks/clickhouse/store.ts'
import { worldStart, type World } from './planted-logs.ts'

/** Bits of `absent` of a line with `-` for protocol, flags, packets, bytes, ports and addresses, those in the packets too. */
const nothingLogged = 0b1111_1101_1011

const text = (value: string): string => `'${value}'`
/** What of a world stands in the tables. */
export type PlantedTables = Pick<World, 'eni' | 'interface' | 'objects' | 'rows' | 'deadLetters'>

/** Puts the worlds into the tables, as the sink would have by now. */
export async function plant(to: Store, all: readonly PlantedTables[]): Promise<void> {
  const insert = async (table: string, columns: string, rows: readonly string[]): Promise<void> => {
    for (let i = 0; i < rows.length; i += 5000)
      await to.command(
        `INSERT INTO \`${to.database}\`.${table} (${columns}) SETTINGS async_insert = 0 VALUES ${rows.slice(i, i + 5000).join(',')}`,
      )
  }
  await insert('interfaces', 'interface, interface_id, account_id', all.map(world => `(${world.interface}, ${text(world.eni)}, '1')`)) // prettier-ignore
  await insert(
    'objects',
    'bucket, key, object_id, etag, size, last_modified, account_id, region, flow_log_id, slot_start, state, header, lines, header_lines, text_bytes, version, warning',
    all.flatMap(world =>
      world.objects.map(
        o =>
          `(${text(o.bucket)}, ${text(o.key)}, ${o.objectId}, ${text(`${o.bucket}${o.objectId}`)}, ${o.size}, ${o.uploaded}, '1', 'r', ${text(o.flowLog)}, ${o.slot}, ${text(o.state)}, ${text(o.header)}, ${o.lines}, ${o.headerLines}, ${o.lines * 50}, ${o.version}, ${text(o.warning)})`,
      ),
    ),
  )
  const ofKind = (inGaps: boolean): string[] =>
    all.flatMap(world =>
      world.rows
        .filter(({ record }) => (record.port === null && !record.unclear) === inGaps)
        .map(({ objectId, line, record: r }) =>
          inGaps
            ? `(${r.start}, ${r.end}, 'logged', '${r.lost ? 'SKIPDATA' : 'NODATA'}', ${text(world.eni)}, ${objectId}, ${line})`
            : `(${r.start}, ${r.end - r.start}, ${world.interface}, '${r.unclear ? '-' : r.action}', '${r.unclear ? '-' : 'OK'}', 'logged', ${r.port ?? 0}, ${r.bytes}, ${r.bytes}, ${objectId}, ${line}, ${r.unclear ? nothingLogged : 0})`,
        ),
    )
  await insert('flows', 'start, dur, interface, action, log_status, time_source, local_port, packets, bytes, object_id, line, absent', ofKind(false)) // prettier-ignore
  await insert('flow_gaps', 'start, end, time_source, kind, interface_id, object_id, line', ofKind(true))
  await insert(
    'dead_letters',
    'recorded_at, object_id, line, stage, reason',
    all.flatMap(world =>
      world.deadLetters.map(({ objectId, line }) => `(${worldStart}, ${objectId}, ${line}, 'enrich', 'too-few-fields')`),
    ),
  )
}
