/** What must have become of an object of the format matrix, value by value. */
import assert from 'node:assert/strict'
import { flowFields } from '../../../flow/fields.ts'
import type { FlowRecord } from '../../../schemas/flow-record.ts'
import type { FlowGap } from '../../../schemas/records.ts'
import type { MatrixFormat, MatrixRecord } from './format-matrix.ts'

/** An object that was brought in. */
export interface MatrixObject {
  readonly format: MatrixFormat
  readonly records: readonly MatrixRecord[]
  /** Account and 5-minute slot of its key. */
  readonly account: string
  readonly slotS: number
  /** True if it has no header line. */
  readonly bare: boolean
}

function at(record: object, place: string): unknown {
  const [group, name] = place.split('.') as [keyof object, string?]
  const value: unknown = record[group]
  return name === undefined ? value : value === null ? null : (value as Record<string, unknown>)[name]
}

function assertFlow(flow: FlowRecord, { values, tokens }: MatrixRecord, { format, account, slotS }: MatrixObject): void {
  for (const field of flowFields) {
    if (field.name === 'start' || field.name === 'end') continue
    const value = values[field.name] ?? null
    // what the object key says stands in for what the line does not say
    const key = field.name === 'account-id' ? account : field.name === 'region' ? 'us-east-1' : null
    const expected = (field.name === 'account-id' && value === 'unknown' ? null : value) ?? key
    assert.equal(at(flow, field.record), expected, `${format.name}, line ${flow.line}, ${field.name}`)
  }
  const [start, end] = [values['start'] ?? null, values['end'] ?? null] as [number | null, number | null]
  assert.equal(flow.timeSource, start !== null && end !== null ? 'logged' : 'slot')
  assert.deepEqual([flow.start, flow.end], [start ?? Math.min(slotS, end ?? slotS), end ?? Math.max(slotS + 299, start ?? 0)])
  const unknown = format.columns.filter(name => !(name in values) && tokens[name] !== '-')
  assert.deepEqual(flow.extra, unknown.length === 0 ? null : Object.fromEntries(unknown.map(name => [name, tokens[name]])))
}

/** Columns that a gap has a field for. */
const gapFields = ['account-id', 'region', 'interface-id', 'vpc-id', 'subnet-id', 'instance-id', 'az-id', 'start', 'end', 'log-status']

function assertGap(gap: FlowGap, { values, tokens, kind }: MatrixRecord): void {
  assert.equal(gap.kind, kind)
  assert.equal(gap.interfaceId, values['interface-id'] ?? values['resource-id'] ?? values['tgw-attachment-id'] ?? null)
  for (const field of ['vpc-id', 'subnet-id', 'instance-id', 'az-id'])
    assert.equal(at(gap, flowFields.find(({ name }) => name === field)!.record), values[field] ?? null, field)
  const rest = Object.entries(tokens).filter(([name, token]) => token !== '-' && !gapFields.includes(name) && token !== gap.interfaceId)
  assert.deepEqual(gap.extra ?? {}, Object.fromEntries(rest))
}

/** Every record of the object stands once among its flows and gaps, with every value of every field. */
export function assertMatrixObject(object: MatrixObject, flows: readonly FlowRecord[], gaps: readonly FlowGap[]): void {
  const { format, records, bare } = object
  assert.equal(flows.length + gaps.length, records.length, format.name)
  for (const [i, record] of records.entries()) {
    const line = i + (bare ? 1 : 2)
    if (record.kind === 'flow')
      assertFlow(
        flows.find(flow => flow.line === line)!,
        record,
        object,
      )
    else
      assertGap(
        gaps.find(gap => gap.line === line)!,
        record,
      )
  }
}
