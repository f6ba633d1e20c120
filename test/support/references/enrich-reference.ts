/** What enrich must make of a block, computed the plain way: split, objects, no dictionaries. Shares no code with processors/enrich. */
import { isIPv4, isIPv6 } from 'node:net'
import { findFlowField, flowFields } from '../../../flow/fields.ts'
import type { BlockOrigin } from '../../../harness/enrich-blocks.ts'
import { decideDirections, type ReferenceNetwork } from './direction-reference.ts'
import { servicePortOf } from './service-port-reference.ts'

/** Expectations for one block. */
export interface ReferenceBlock {
  readonly rows: Record<string, unknown>[]
  readonly gaps: {
    kind: string
    line: number
    start: number
    end: number
    timeSource: string
    timeKept: string | null
    interfaceId: string | null
    extra: Record<string, string> | null
  }[]
  readonly dead: { line: number; reason: string }[]
  readonly blank: number
  readonly lines: number
}

/** Canonical IPv6 text through the URL parser of the platform. */
export function canonicalIpv6(text: string): string {
  const url = new URL(`http://[${text}]/`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(url)
  if (mapped === null) return url
  const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)]
  return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

const limits: Record<string, number> = {
  srcport: 65535,
  dstport: 65535,
  protocol: 255,
  'tcp-flags': 65535,
  version: 255,
  'traffic-path': 255,
  'encryption-status': 255,
}
const choices: Record<string, [string[], string]> = {
  action: [['ACCEPT', 'REJECT'], 'bad-action'],
  'log-status': [['OK', 'NODATA', 'SKIPDATA'], 'bad-log-status'],
  'flow-direction': [['ingress', 'egress'], 'bad-direction'],
}

function valueOf(name: string, token: string): unknown {
  if (token === '-') return null
  const field = findFlowField(name)!
  if (field.role === 'address') {
    if (isIPv4(token)) return token
    if (isIPv6(token) && !token.includes('%')) return canonicalIpv6(token)
    throw new Error('bad-address')
  }
  const choice = choices[field.name]
  if (choice !== undefined) {
    if (!choice[0].includes(token)) throw new Error(choice[1])
    return token
  }
  const numeric = field.awsType !== 'STRING'
  if (!numeric) return field.name.endsWith('-tag') || field.name.endsWith('-tag-2') ? decoded(token) : token
  if (!/^\d+$/.test(token)) throw new Error('bad-number')
  const value = BigInt(token)
  if (field.role === 'time') {
    if (value > 4_294_967_295n) throw new Error(value <= 4_294_967_295_999n ? 'time-in-milliseconds' : 'bad-time')
  } else if (value > BigInt(limits[field.name] ?? field.kept.most ?? Number.MAX_SAFE_INTEGER - 1)) throw new Error('number-too-large')
  return Number(value)
}

function decoded(token: string): string {
  try {
    return decodeURIComponent(token)
  } catch {
    return token
  }
}

const protocols: Record<number, string> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 33: 'dccp', 47: 'gre', 50: 'esp', 58: 'ipv6-icmp', 132: 'sctp' }
const flagBits: [number, string][] = [
  [2, 'SYN'],
  [16, 'ACK'],
  [1, 'FIN'],
  [4, 'RST'],
  [8, 'PSH'],
  [32, 'URG'],
]

/** Names of the protocols that the reference knows; tests draw from these. */
export const referenceProtocols = Object.keys(protocols).map(Number)

const groupOf = (row: Record<string, unknown>, group: string, values: Map<string, unknown>): void => {
  const fields = flowFields.filter(field => field.record.startsWith(`${group}.`))
  const entries = fields.map(field => [field.record.slice(group.length + 1), values.get(field.name) ?? null] as const)
  row[group] = entries.every(([, value]) => value === null) ? null : Object.fromEntries(entries)
}

/** Columns that a gap has a field for. */
const gapFields = ['account-id', 'region', 'interface-id', 'vpc-id', 'subnet-id', 'instance-id', 'az-id', 'start', 'end', 'log-status']

/** Computes what becomes of a block of lines. */
export function referenceBlock(
  header: string,
  text: string,
  firstLine: number,
  origin: BlockOrigin,
  networks: readonly ReferenceNetwork[] = [],
): ReferenceBlock {
  const names = header.trim().split(/ +/)
  // a transit gateway has no side of its own
  const transit = !names.includes('interface-id') && names.some(name => findFlowField(name)?.version === 6)
  const rows: Record<string, unknown>[] = []
  const gaps: ReferenceBlock['gaps'] = []
  const dead: ReferenceBlock['dead'] = []
  let blank = 0
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  lines.forEach((raw, index) => {
    const line = firstLine + index
    const tokens = (line === 1 ? raw.replace(/^\ufeff/, '') : raw)
      .replace(/\r$/, '')
      .split(' ')
      .filter(token => token !== '')
    if (tokens.length === 0) {
      blank++
      return
    }
    if (tokens.length !== names.length)
      return void dead.push({ line, reason: tokens.length < names.length ? 'too-few-fields' : 'too-many-fields' })
    const values = new Map<string, unknown>()
    const extra: Record<string, string> = {}
    try {
      names.forEach((name, i) => {
        const field = findFlowField(name)
        if (field === undefined) {
          if (tokens[i] !== '-') extra[name] = tokens[i]!
        } else values.set(field.name, valueOf(name, tokens[i]!))
      })
    } catch (error) {
      return void dead.push({ line, reason: (error as Error).message })
    }
    const get = (name: string): unknown => values.get(name) ?? null
    const text = (name: string) => get(name) as string | null
    const number = (name: string) => get(name) as number | null
    let [start, end] = [number('start'), number('end')]
    if (start !== null && end !== null && end < start) return void dead.push({ line, reason: 'bad-time' })
    const timeSource = start !== null && end !== null ? 'logged' : origin.slotStart === null ? 'none' : 'slot'
    const timeKept = timeSource !== 'none' ? null : start !== null ? 'start' : end !== null ? 'end' : null
    if (origin.slotStart === null) [start, end] = [start ?? end ?? 0, end ?? start ?? 0]
    else if (timeSource === 'slot') {
      const [loggedStart, loggedEnd] = [start, end]
      start ??= Math.min(origin.slotStart, loggedEnd ?? origin.slotStart)
      end ??= Math.max(origin.slotStart + 299, loggedStart ?? 0)
    }
    const status = text('log-status')
    if (status === 'NODATA' || status === 'SKIPDATA') {
      const interfaceId = text('interface-id') ?? text('resource-id') ?? text('tgw-attachment-id')
      const rest = names.flatMap((name, i): [string, string][] => {
        const field = findFlowField(name)?.name ?? name
        return gapFields.includes(field) || tokens[i] === '-' || tokens[i] === interfaceId ? [] : [[field, tokens[i]!]]
      })
      return void gaps.push({
        ...{ kind: status, line, start: start!, end: end!, timeSource, timeKept, interfaceId },
        extra: rest.length === 0 ? null : Object.fromEntries(rest),
      })
    }
    const row: Record<string, unknown> = {}
    for (const field of flowFields) if (!field.record.includes('.')) row[field.record] = get(field.name)
    if (row['accountId'] === 'unknown') row['accountId'] = null
    row['accountId'] ??= origin.accountId ?? origin.source?.accountId ?? null
    row['region'] ??= origin.region ?? origin.source?.region ?? null
    row['scope'] = row['vpcId'] === null ? (origin.source?.scope ?? null) : null
    for (const group of ['ecs', 'tags', 'transitGateway', 'nextHop', 'packetsLost']) groupOf(row, group, values)
    row['origin'] = transit || row['transitGateway'] !== null ? 'tgw' : 'vpc'
    const [protocol, flags] = [number('protocol'), number('tcp-flags')]
    const logged = text('flow-direction')
    rows.push(
      Object.assign(row, {
        start,
        end,
        timeSource,
        timeKept,
        sensor: null,
        startMs: null,
        endMs: null,
        line,
        protocolName: protocol === null ? null : (protocols[protocol] ?? null),
        tcpFlagNames:
          flags === null
            ? null
            : flagBits
                .filter(([bit]) => (flags & bit) !== 0)
                .map(([, name]) => name)
                .join('+'),
        direction: transit ? 'unknown' : (logged ?? 'unknown'),
        directionSource: logged !== null && !transit ? 'logged' : 'none',
        directionBy: null,
        ...servicePortOf(protocol, flags, number('srcport'), number('dstport')),
        extra: Object.keys(extra).length === 0 ? null : extra,
      }),
    )
  })
  if (!transit) decideDirections(rows, networks, names.includes('interface-id'))
  return { rows, gaps, dead, blank, lines: lines.length }
}
