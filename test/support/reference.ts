/**
 * What the path must give for a set of objects, computed the plain way: split, objects, maps. Shares no code with the processors; it is the
 * other opinion of golden, property and delivery tests.
 */
import { gunzipSync } from 'node:zlib'
import { classifyLine } from '../../audit/plain-reader.ts'
import { addTally, emptyTally, type Tally } from '../../audit/tally.ts'

/** Who was seen with an address, in which seconds. */
export type ReferenceMap = Map<string, Map<string, [number, number][]>>

/** Expectations. */
export interface Reference {
  readonly tally: Tally
  /** `scope|ip` to `interfaceId|instanceId|service` to disjoint ascending ranges. */
  readonly map: ReferenceMap
}

const isPrivate = (ip: string): boolean =>
  /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|127\.)/.test(ip) ||
  /^(f[cd]|fe[89ab])/i.test(ip)

/** Joins ranges of seconds that overlap or touch. */
export function joinRanges(ranges: readonly [number, number][]): [number, number][] {
  const joined: [number, number][] = []
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const previous = joined.at(-1)
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last)
    else joined.push([first, last])
  }
  return joined
}

function learn(map: ReferenceMap, place: { account: string; region: string }, row: ReadonlyMap<string, string>): void {
  const value = (name: string): string | undefined => (row.get(name) === '-' ? undefined : row.get(name))
  const [start, end, src, dst] = [value('start'), value('end'), value('srcaddr'), value('dstaddr')]
  if (start === undefined || end === undefined || src === undefined || dst === undefined) return
  let direction = value('flow-direction')
  if (direction === undefined && isPrivate(src) !== isPrivate(dst)) direction = isPrivate(src) ? 'egress' : 'ingress'
  if (direction === undefined) return
  const note = (scope: string, ip: string, owner: string): void => {
    const owners = map.get(`${scope}|${ip}`) ?? new Map<string, [number, number][]>()
    map.set(`${scope}|${ip}`, owners.set(owner, joinRanges([...(owners.get(owner) ?? []), [Number(start), Number(end)]])))
  }
  const [ours, oursInPacket] = direction === 'egress' ? [src, value('pkt-srcaddr')] : [dst, value('pkt-dstaddr')]
  const [theirs, service] =
    direction === 'egress'
      ? [value('pkt-dstaddr') ?? dst, value('pkt-dst-aws-service')]
      : [value('pkt-srcaddr') ?? src, value('pkt-src-aws-service')]
  if (service !== undefined) note('aws', theirs, `||${service}`)
  const instance = value('instance-id')
  const interfaceId = value('interface-id')
  if (interfaceId === undefined) return
  const scope = value('vpc-id') ?? `${value('account-id') ?? place.account}/${value('region') ?? place.region}`
  const owner = `${interfaceId}|${instance ?? ''}|`
  if (ours.includes(':') || isPrivate(ours)) note(scope, ours, owner)
  if (oursInPacket !== undefined && oursInPacket !== ours && instance !== undefined && isPrivate(oursInPacket))
    note(scope, oursInPacket, owner)
}

/**
 * Computes the expectations.
 *
 * @param objects Keys and stored bytes.
 */
export function referenceOf(objects: Iterable<{ key: string; body: Buffer }>): Reference {
  const tally = emptyTally()
  const map: ReferenceMap = new Map()
  for (const { key, body } of objects) {
    const [, account = '', region = ''] = /(\d{12}|unknown)_vpcflowlogs_([a-z0-9-]+)_/.exec(key) ?? []
    const text = body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body
    let columns: string[] | undefined
    for (let start = 0; start < text.length;) {
      const newline = text.indexOf(10, start)
      const end = newline < 0 ? text.length : newline
      const line = text.subarray(start, end)
      start = end + 1
      if (columns === undefined) {
        columns = line.toString().trim().split(/ +/)
        addTally(tally, { lines: 1, headers: 1 })
        continue
      }
      const counts = classifyLine(columns, line, 65_536)
      addTally(tally, counts)
      if (counts.flows === 1)
        learn(
          map,
          { account, region },
          new Map(
            line
              .toString()
              .trim()
              .split(/ +/)
              .map((value, i) => [columns![i]!, value]),
          ),
        )
    }
  }
  return { tally, map }
}
