/** Events of Security Lake as words of a flow log, the plain way: from whole rows as objects, with a mapping of its own. */

type Event = Readonly<Record<string, unknown>>

/** True for the columns of network activity. */
export const isNetworkActivity = (columns: readonly string[]): boolean =>
  ['class_uid', 'src_endpoint', 'dst_endpoint'].every(name => columns.includes(name))

const at = (event: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((value, name) => (value as Event | null | undefined)?.[name], event)

function seconds(...values: unknown[]): unknown {
  const value = values.find(each => each !== null && each !== undefined)
  if (value === undefined) return undefined
  if (value instanceof Date) return Math.floor(value.getTime() / 1000)
  const number = typeof value === 'string' && Number.isNaN(Number(value)) ? Date.parse(value) : Number(value)
  // seconds, or thousandths of them of some power
  const thousands = [1e11, 1e14, 1e17].filter(least => number >= least).length
  return number >= 0 ? Math.floor(number / 1000 ** thousands) : undefined
}

const verdicts: Readonly<Record<string, string>> = { '1': 'ACCEPT', '2': 'REJECT', Allowed: 'ACCEPT', Blocked: 'REJECT', Denied: 'REJECT' }
const statuses = ['OK', 'NODATA', 'SKIPDATA']

/**
 * The values of an event that a count looks at, by field.
 *
 * @returns undefined for an event of another kind.
 */
export function plainEvent(event: Event): Record<string, unknown> | undefined {
  // a column of 64 bits gives its numbers as BigInt
  if (Number(at(event, 'class_uid')) !== 4001 || !/vpc|^-|^null$|^undefined$/i.test(String(at(event, 'metadata.product.name'))))
    return undefined
  const [source, destination, connection] = ['src_endpoint', 'dst_endpoint', 'connection_info'].map(name => at(event, name) as Event)
  const first = (list: unknown): unknown => (Array.isArray(list) ? (list.find(each => each !== null) as unknown) : undefined)
  const boundary = Number(connection?.['boundary_id'])
  const action = ['action_id', 'action', 'disposition_id', 'disposition']
    .map(name => String(event[name]))
    .map(word => (Object.hasOwn(verdicts, word) ? verdicts[word] : undefined))
    .find(word => word !== undefined)
  const status = String(event['status_code'])
  return {
    srcaddr: first(source?.['intermediate_ips']) ?? source?.['ip'],
    dstaddr: first(destination?.['intermediate_ips']) ?? destination?.['ip'],
    'pkt-srcaddr': source?.['ip'],
    'pkt-dstaddr': destination?.['ip'],
    srcport: source?.['port'],
    dstport: destination?.['port'],
    protocol: connection?.['protocol_num'],
    'tcp-flags': connection?.['tcp_flags'],
    'traffic-path': boundary > 3 && boundary < 12 ? boundary - 3 : undefined,
    packets: at(event, 'traffic.packets'),
    bytes: at(event, 'traffic.bytes'),
    start: seconds(event['start_time'], event['start_time_dt'], event['time'], event['time_dt']),
    end: seconds(event['end_time'], event['end_time_dt']),
    action,
    'log-status': statuses.includes(status) ? status : undefined,
  }
}
