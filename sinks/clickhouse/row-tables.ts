/** The columns of the small tables (schemas/clickhouse/0001-tables.sql), each read from a decoded record. */
import type { CloudMapRun, DeadLetter, DeadLetterReplay, FlowGap, LineKey, ObjectKey, ObjectLedger, RunKey } from '../../schemas/records.ts'
import { addressBytes } from './columns/address.ts'
import type { RowTable } from './record-buffer.ts'
import type { Cell, CellColumn, CellType } from './row-block.ts'

const column = <R>(name: string, type: CellType, cell: (row: R) => Cell): CellColumn<R> => ({ name, type, cell })
const nullable = <R>(name: string, type: CellType, cell: (row: R) => Cell): CellColumn<R> => ({ name, type, cell, nullable: true })

/** Number of an object version: its 8 bytes, the first one highest, so that its hex digits are those of the topics. */
export const objectNumber = (objectId: Buffer): bigint => objectId.readBigUInt64BE(0)

const dateTime = "DateTime('UTC')"
const dateTime64 = "DateTime64(3, 'UTC')"
const latestS = 2 ** 32 - 1
/** Seconds that DateTime can hold. */
const seconds = (value: number | null): number | null => (value === null ? null : Math.min(Math.max(value, 0), latestS))

/** Table `flow_gaps`. A line is at most one gap. */
export const gapTable: RowTable<FlowGap> = {
  table: 'flow_gaps',
  identity: {
    object: row => objectNumber(row.objectId),
    sql: 'toString(line)',
    name: row => String(row.line),
    start: row => seconds(row.start) ?? 0,
  },
  columns: [
    column('start', dateTime, row => seconds(row.start)),
    column('end', dateTime, row => seconds(row.end)),
    column('time_source', 'String', row => row.timeKept ?? row.timeSource),
    column('kind', 'String', row => row.kind),
    column('account_id', 'String', row => row.accountId),
    column('region', 'String', row => row.region),
    column('interface_id', 'String', row => row.interfaceId),
    column('vpc_id', 'String', row => row.vpcId),
    column('subnet_id', 'String', row => row.subnetId),
    column('instance_id', 'String', row => row.instanceId),
    column('az_id', 'String', row => row.azId),
    column('object_id', 'UInt64', row => objectNumber(row.objectId)),
    column('line', 'UInt32', row => row.line),
    column('extra', 'Map(String, String)', row => row.extra),
  ],
}

/** A dead letter with its key and when it was recorded. */
export interface DeadLetterRow {
  readonly key: ObjectKey
  readonly letter: DeadLetter
  readonly recordedMs: number
}

/** Table `dead_letters`. A line can be refused again at each attempt. */
export const deadLetterTable: RowTable<DeadLetterRow> = {
  table: 'dead_letters',
  identity: {
    object: row => objectNumber(row.letter.objectId),
    sql: "concat(toString(line), ' ', toString(attempt), ' ', stage, ' ', toString(toUnixTimestamp64Milli(recorded_at)))",
    name: ({ letter, recordedMs }) => `${letter.line} ${letter.attempt} ${letter.stage} ${recordedMs}`,
  },
  columns: [
    column('recorded_at', dateTime64, row => row.recordedMs),
    column('bucket', 'String', row => row.key.bucket),
    column('key', 'String', row => row.key.key),
    column('etag', 'String', row => row.letter.etag),
    column('object_id', 'UInt64', row => objectNumber(row.letter.objectId)),
    column('line', 'UInt32', row => row.letter.line),
    column('stage', 'String', row => row.letter.stage),
    column('reason', 'String', row => row.letter.reason),
    column('detail', 'String', row => row.letter.detail),
    nullable('header', 'String', row => row.letter.header),
    column('bytes', 'String', row => row.letter.bytes),
    column('length', 'UInt64', row => row.letter.length),
    column('sha256', 'String', row => row.letter.sha256),
    column('attempt', 'UInt32', row => row.letter.attempt),
  ],
}

/** A refused line that was sent back, with when that was recorded. */
export interface ReplayRow {
  readonly key: LineKey
  readonly replay: DeadLetterReplay
  readonly recordedMs: number
}

/** Table `dead_letter_replays`. A repeated row replaces its equal. */
export const replayTable: RowTable<ReplayRow> = {
  table: 'dead_letter_replays',
  columns: [
    column('recorded_at', dateTime64, row => row.recordedMs),
    column('bucket', 'String', row => row.key.bucket),
    column('key', 'String', row => row.key.key),
    column('object_id', 'UInt64', row => objectNumber(row.key.objectId)),
    column('line', 'UInt32', row => row.key.line),
    column('attempt', 'UInt32', row => row.replay.attempt),
    column('stage', 'String', row => row.replay.stage),
    column('reason', 'String', row => row.replay.reason),
  ],
}

/** A ledger record with its key and offset. */
export interface ObjectRow {
  readonly key: ObjectKey
  readonly ledger: ObjectLedger
  readonly offset: number
}

/** Table `objects`. A repeated row replaces its equal. */
export const objectTable: RowTable<ObjectRow> = {
  table: 'objects',
  columns: [
    column('bucket', 'String', row => row.key.bucket),
    column('key', 'String', row => row.key.key),
    column('object_id', 'UInt64', row => objectNumber(row.ledger.objectId)),
    column('etag', 'String', row => row.ledger.etag),
    column('size', 'UInt64', row => row.ledger.size),
    nullable('last_modified', dateTime64, row => row.ledger.lastModifiedMs),
    column('account_id', 'String', row => row.ledger.accountId),
    column('region', 'String', row => row.ledger.region),
    column('flow_log_id', 'String', row => row.ledger.flowLogId),
    nullable('slot_start', dateTime, row => seconds(row.ledger.slotStart)),
    column('state', 'String', row => row.ledger.state),
    nullable('header', 'String', row => row.ledger.header),
    column('next_line', 'UInt32', row => row.ledger.nextLine),
    column('lines', 'UInt32', row => row.ledger.lines),
    column('header_lines', 'UInt32', row => row.ledger.headerLines),
    column('blank_lines', 'UInt32', row => row.ledger.blankLines),
    column('dead_lines', 'UInt32', row => row.ledger.deadLines),
    column('text_bytes', 'UInt64', row => row.ledger.textBytes),
    column('attempts', 'UInt32', row => row.ledger.attempts),
    nullable('retry_at', dateTime64, row => row.ledger.retryAtMs),
    column('error_code', 'String', row => row.ledger.errorCode),
    column('error_detail', 'String', row => row.ledger.errorDetail),
    column('warning', 'String', row => row.ledger.warning),
    column('version', 'UInt64', row => row.offset),
  ],
}

/** An ownership run with its key and offset; null: the run is gone. */
export interface RunRow {
  readonly key: RunKey
  readonly run: CloudMapRun | null
  readonly offset: number
}

/** Table `cloud_map`. A repeated row replaces its equal. A tombstone becomes a row that deletes the run with that first second. */
export const runTable: RowTable<RunRow> = {
  table: 'cloud_map',
  columns: [
    column('scope', 'String', row => row.key.scope),
    column('ip', 'IPv6', row => addressBytes(row.key.ip)),
    column('valid_from', dateTime, row => seconds(row.key.first)),
    nullable('valid_to', dateTime, row => seconds(row.run?.validTo ?? null)),
    column('first_seen', dateTime, row => seconds(row.run?.firstSeen ?? 0)),
    column('last_seen', dateTime, row => seconds(row.run?.lastSeen ?? 0)),
    column('conflict_s', 'UInt64', row => row.run?.conflictS ?? 0),
    nullable('doubt_to', dateTime, row => seconds(row.run?.doubtTo ?? null)),
    column('others', 'Array(String)', row => row.run?.others ?? null),
    column('interface_id', 'String', row => row.run?.owner.interfaceId ?? null),
    column('instance_id', 'String', row => row.run?.owner.instanceId ?? null),
    column('interface_type', 'String', row => row.run?.owner.interfaceType ?? null),
    column('subnet_id', 'String', row => row.run?.owner.subnetId ?? null),
    column('vpc_id', 'String', row => row.run?.owner.vpcId ?? null),
    column('account_id', 'String', row => row.run?.owner.accountId ?? null),
    column('region', 'String', row => row.run?.owner.region ?? null),
    column('az_id', 'String', row => row.run?.owner.azId ?? null),
    column('service', 'String', row => row.run?.owner.service ?? null),
    column('version', 'UInt64', row => row.offset),
    column('deleted', 'UInt8', row => (row.run === null ? 1 : 0)),
  ],
}
