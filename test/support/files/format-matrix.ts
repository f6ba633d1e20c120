/**
 * Every format of every version, generated from flow/fields.ts: column orders, records that have a value of their own in each field,
 * and what must become of each. Expectations come from the values that were written, not from a parser.
 */
import { flowFields, transitGatewayFormat, type FlowField } from '../../../flow/fields.ts'

/** A column order. */
export interface MatrixFormat {
  readonly name: string
  readonly version: number
  readonly columns: readonly string[]
}

/** One record: tokens by field, and the values that they mean (null: absent). */
export interface MatrixRecord {
  readonly tokens: Readonly<Record<string, string>>
  readonly values: Readonly<Record<string, string | number | null>>
  readonly kind: 'flow' | 'NODATA' | 'SKIPDATA'
}

const vpcVersions = [2, 3, 4, 5, 7, 8, 9, 10, 11]

function formatsOf(version: number): MatrixFormat[] {
  const fields = flowFields.filter(field => field.version <= version && field.version !== 6)
  const documented = fields.map(field => field.name)
  // every version's own fields, and every second one of the others, backwards and with columns that nobody documented
  const few = fields.filter((field, i) => field.version === version || i % 2 === 1).map(field => field.name)
  const custom = few.filter(name => !['version', 'start', 'end', 'log-status'].includes(name)).reverse()
  return [
    { name: `v${version}-documented`, version, columns: documented },
    { name: `v${version}-alphabetical`, version, columns: [...documented].sort() },
    { name: `v${version}-custom`, version, columns: ['not-yet-known', ...custom, 'nor_this'] },
  ]
}

/** All column orders: documented, alphabetical and a custom one for each version, the same for transit gateways. */
export const matrixFormats: readonly MatrixFormat[] = [
  ...vpcVersions.flatMap(formatsOf),
  { name: 'v6-documented', version: 6, columns: transitGatewayFormat },
  { name: 'v6-alphabetical', version: 6, columns: [...transitGatewayFormat].sort() },
  { name: 'v6-custom', version: 6, columns: transitGatewayFormat.filter((name, i) => i % 3 !== 0 && name !== 'log-status').reverse() },
]

const choices: Readonly<Record<string, readonly string[]>> = {
  action: ['ACCEPT', 'REJECT'],
  'flow-direction': ['ingress', 'egress'],
  protocol: ['6', '17', '1'],
  'tcp-flags': ['0', '2', '18', '19'],
  type: ['IPv4', 'IPv6', 'EFA'],
  'account-id': ['001607371330', '123456789010', 'unknown'],
  version: ['2', '5', '11'],
  'traffic-path': ['1', '8'],
  'encryption-status': ['0', '3'],
}
const addresses = ['10.0.0.1', '203.0.113.9', '2001:db8::1', '::ffff:10.1.2.3', '255.255.255.255', 'fd00::2']

function tokenOf(field: FlowField, index: number, startS: number): string {
  const place = flowFields.findIndex(other => other.name === field.name)
  const choice = choices[field.name]
  if (choice !== undefined) return choice[index % choice.length]!
  if (field.role === 'address') return addresses[(index + place) % addresses.length]!
  if (field.role === 'port') return String([0, 443, 65_535, 1024 + index][index % 4])
  if (field.role === 'counter') return String([0, 1, 2 ** 31 + place, 2 ** 53 - 2, 40 * index][index % 5])
  if (field.name === 'start') return String(startS + index)
  if (field.name === 'end') return String(startS + 60 + index)
  // tags are percent-encoded in the log
  if (field.record.startsWith('tags.')) return `${encodeURIComponent(`Team ${place}: Grün/π`)}-${index % 3}`
  return `${field.name}.${index % 3}:x/${place}`
}

function valueOf(field: FlowField, token: string): string | number | null {
  if (token === '-') return null
  if (field.awsType !== 'STRING') return Number(token)
  return field.record.startsWith('tags.') ? decodeURIComponent(token) : token
}

/**
 * Makes the records of a format: all fields present, each field absent in turn of a few, gaps without and with values.
 *
 * @param startS Unix seconds; every record lies in its first two minutes.
 */
export function matrixRecords({ columns }: MatrixFormat, startS: number): MatrixRecord[] {
  const fields = flowFields.filter(field => columns.includes(field.name))
  const hasStatus = columns.includes('log-status')
  return Array.from({ length: 12 }, (_unused, index): MatrixRecord => {
    const kind = hasStatus && index >= 8 ? (index % 2 === 0 ? 'NODATA' : 'SKIPDATA') : 'flow'
    const tokens: Record<string, string> = {}
    const values: Record<string, string | number | null> = {}
    for (const [place, field] of fields.entries()) {
      const measured = !['context', 'time'].includes(field.role)
      const absent = kind === 'flow' ? index > 1 && (place + index) % 7 === 0 : index < 10 && measured
      const token =
        field.name === 'log-status' ? (kind === 'flow' ? (absent ? '-' : 'OK') : kind) : absent ? '-' : tokenOf(field, index, startS)
      tokens[field.name] = token
      values[field.name] = valueOf(field, token)
    }
    for (const name of columns) if (!(name in tokens)) tokens[name] = index % 4 === 3 ? '-' : `${name}.${index}`
    return { tokens, values, kind }
  })
}

/** The records as text, header line first. */
export const matrixText = (format: MatrixFormat, records: readonly MatrixRecord[], lineEnd = '\n', between = ' '): string =>
  [format.columns, ...records.map(({ tokens }) => format.columns.map(name => tokens[name]!))]
    .map(words => words.join(between) + lineEnd)
    .join('')
