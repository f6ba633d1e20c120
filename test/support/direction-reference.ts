/** Which side of a record is ours, and what a block teaches: computed with sets over objects. Shares no code with processors/enrich. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** A row as the reference of a block has it. */
export type ReferenceRow = Record<string, unknown>

/** An entry of `networks.own`. */
export interface ReferenceNetwork {
  readonly cidrs: readonly string[]
  readonly accounts?: readonly string[]
  readonly vpcs?: readonly string[]
}

/** One sighting before ranges are joined. */
export interface ReferenceSighting {
  readonly kind: string
  readonly scope: string
  readonly ip: string
  /** `interface|instance|service` */
  readonly owner: string
  readonly first: number
  readonly last: number
}

const unmapped = (ip: string): string => (ip.startsWith('::ffff:') && ip.includes('.') ? ip.slice(7) : ip)
const octets = (ip: string): number[] => ip.split('.').map(Number)

/** RFC 1918 and its like, link-local, loopback, unique local. */
export function isPrivate(address: string): boolean {
  const ip = unmapped(address)
  return isIPv4(ip)
    ? /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|169\.254\.|127\.)/.test(ip)
    : /^(f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:|::1$)/.test(ip)
}

/** Addresses that no interface has. */
export function isNobody(address: string): boolean {
  const ip = unmapped(address)
  if (isIPv4(ip)) return [0, 127].includes(octets(ip)[0]!) || octets(ip)[0]! >= 224 || ip.startsWith('169.254.')
  return ip === '::' || ip === '::1' || /^ff[0-9a-f]{2}:/.test(ip)
}

const textOf = (row: ReferenceRow, name: string): string | null => (row[name] ?? null) as string | null

function observerOf(row: ReferenceRow): string | null {
  const gateway = row['transitGateway'] as { attachmentId: string | null } | null | undefined
  return textOf(row, 'interfaceId') ?? textOf(row, 'resourceId') ?? gateway?.attachmentId ?? null
}

function scopeOf(row: ReferenceRow): string | null {
  const place = [textOf(row, 'accountId'), textOf(row, 'region')]
  return textOf(row, 'vpcId') ?? textOf(row, 'scope') ?? (place.includes(null) ? null : place.join('/'))
}

function inNetwork(ip: string, network: ReferenceNetwork): boolean {
  const list = new BlockList()
  for (const cidr of network.cidrs) {
    const [base, bits] = cidr.split('/') as [string, string]
    if (isIPv4(base) === isIPv4(ip)) list.addSubnet(base, Number(bits), isIPv4(base) ? 'ipv4' : 'ipv6')
  }
  return list.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')
}

/** 0: in none, 1: in one for all records, 2: of the account, 3: of the VPC. */
function levelOf(row: ReferenceRow, ip: string, networks: readonly ReferenceNetwork[]): number {
  const fits = (names: readonly string[] | undefined, name: string | null): boolean =>
    names === undefined || (name !== null && names.includes(name))
  return Math.max(
    0,
    ...networks
      .filter(network => fits(network.accounts, textOf(row, 'accountId')) && fits(network.vpcs, textOf(row, 'vpcId')))
      .filter(network => inNetwork(ip, network))
      .map(network => (network.vpcs !== undefined ? 3 : network.accounts !== undefined ? 2 : 1)),
  )
}

interface Group {
  readonly rows: ReferenceRow[]
  readonly scope: string | null
  own: string | null
  certain: boolean
  proven: boolean
}

/** Exactly one of two IPv4 addresses is private, and they are not both ours by the setting. */
function isMixed(row: ReferenceRow, networks: readonly ReferenceNetwork[]): boolean {
  const [src, dst] = [textOf(row, 'srcAddr'), textOf(row, 'dstAddr')]
  if (src === null || dst === null || !isIPv4(src) || !isIPv4(dst) || isNobody(src) || isNobody(dst)) return false
  return isPrivate(src) !== isPrivate(dst) && levelOf(row, src, networks) === 0
}

const privateOf = (row: ReferenceRow): string => [textOf(row, 'srcAddr')!, textOf(row, 'dstAddr')!].find(isPrivate)!
const publicOf = (row: ReferenceRow): string => [textOf(row, 'srcAddr')!, textOf(row, 'dstAddr')!].find(ip => !isPrivate(ip))!

function groupsOf(rows: readonly ReferenceRow[], networks: readonly ReferenceNetwork[]): Map<string, Group> {
  const groups = new Map<string, Group>()
  for (const row of rows) {
    const observer = observerOf(row)
    const [src, dst] = [textOf(row, 'srcAddr'), textOf(row, 'dstAddr')]
    if (observer === null || src === null || dst === null || src === dst || !isIPv4(src) || !isIPv4(dst) || isNobody(src) || isNobody(dst))
      continue
    const group = groups.get(observer) ?? { rows: [], scope: scopeOf(row), own: null, certain: false, proven: false }
    group.rows.push(row)
    groups.set(observer, group)
  }
  for (const group of groups.values()) {
    const possible = group.rows.map(row => {
      const [src, dst] = [textOf(row, 'srcAddr')!, textOf(row, 'dstAddr')!]
      return row['directionSource'] === 'none' ? [src, dst] : [row['direction'] === 'egress' ? src : dst]
    })
    const inAll = [...new Set(possible.flat())].filter(ip => possible.every(list => list.includes(ip)))
    const mixed = group.rows.filter(row => row['directionSource'] === 'none' && isMixed(row, networks))
    group.certain = inAll.length === 1
    group.own = inAll.length === 1 ? inAll[0]! : inAll.length === 2 && mixed.length > 0 ? privateOf(mixed[0]!) : null
    const isDecided = group.rows.some(row => row['directionSource'] !== 'none')
    const isBetweenPrivate = group.rows.some(
      row => row['directionSource'] === 'none' && isPrivate(textOf(row, 'srcAddr')!) && isPrivate(textOf(row, 'dstAddr')!),
    )
    const networksMet = new Set(mixed.map(row => octets(publicOf(row)).slice(0, 2).join('.')))
    group.proven = group.certain && isPrivate(group.own!) && (isDecided || isBetweenPrivate || networksMet.size > 1)
  }
  const all = [...groups.values()]
  const vetoed = all.filter(group => {
    const rivals = all.filter(other => other !== group && other.own !== null && other.own === group.own && other.scope === group.scope)
    return rivals.some(rival => rival.certain || !group.certain)
  })
  for (const group of vetoed) [group.own, group.proven] = [null, false]
  return groups
}

/** Fills direction, directionSource and directionBy where the log does not say them; marks rows that prove their inference with `believed`. */
export function decideDirections(rows: ReferenceRow[], networks: readonly ReferenceNetwork[]): void {
  const decide = (row: ReferenceRow, own: string, source: string, by: string | null): void => {
    row['direction'] = own === row['srcAddr'] ? 'egress' : 'ingress'
    row['directionSource'] = source
    row['directionBy'] = by
  }
  const open = rows.filter(row => row['directionSource'] === 'none' && textOf(row, 'srcAddr') !== null && textOf(row, 'dstAddr') !== null)
  if (open.length === 0) return
  for (const row of open) {
    const [src, dst] = [textOf(row, 'srcAddr')!, textOf(row, 'dstAddr')!]
    const [from, to] = [levelOf(row, src, networks), levelOf(row, dst, networks)]
    if (from !== to) decide(row, from > to ? src : dst, 'inferred', 'own_network')
  }
  const groups = groupsOf(rows, networks)
  for (const row of open.filter(row => row['directionSource'] === 'none' && row['srcAddr'] !== row['dstAddr'])) {
    const observer = observerOf(row)
    const mixed = isMixed(row, networks)
    const own = observer === null ? (mixed ? privateOf(row) : null) : (groups.get(observer)?.own ?? null)
    if (own === null || (own !== row['srcAddr'] && own !== row['dstAddr'])) continue
    // of one pair of addresses, or without an interface, which is ours is a guess
    const isSure = groups.get(observer ?? '')?.certain === true
    decide(row, own, isSure && mixed && isPrivate(own) ? 'inferred' : 'inferred_count', null)
    if (groups.get(observer ?? '')?.proven === true) Object.defineProperty(row, 'believed', { value: true })
  }
}

/** What a block whose directions are decided teaches, row by row. */
export function teach(rows: readonly ReferenceRow[], latest: number, networks: readonly ReferenceNetwork[]): ReferenceSighting[] {
  const believed = rows.filter(
    row =>
      row['directionSource'] === 'logged' ||
      row['directionBy'] === 'own_network' ||
      (row['directionSource'] === 'inferred' && row['believed'] === true),
  )
  const sides = believed.map(row => {
    const [near, far] = row['direction'] === 'egress' ? (['src', 'dst'] as const) : (['dst', 'src'] as const)
    const address = (side: 'src' | 'dst'): string | null => textOf(row, `${side}Addr`)
    const packet = (side: 'src' | 'dst'): string | null => textOf(row, side === 'src' ? 'pktSrcAddr' : 'pktDstAddr')
    return { row, own: address(near), packet: packet(near), far: address(far), farPacket: packet(far), farSide: far }
  })
  const couldHold = ({ row, own, packet }: (typeof sides)[number]): boolean =>
    packet !== null &&
    packet !== own &&
    textOf(row, 'instanceId') !== null &&
    !isNobody(packet) &&
    (isPrivate(packet) ||
      levelOf(row, packet, networks) > 0 ||
      (own !== null &&
        isIPv4(own) &&
        isIPv4(packet) &&
        !isPrivate(own) &&
        octets(own).slice(0, 2).join('.') === octets(packet).slice(0, 2).join('.')))
  const isTimed = (row: ReferenceRow): boolean =>
    row['timeSource'] === 'logged' && (row['end'] as number) - (row['start'] as number) <= 660 && (row['end'] as number) <= latest
  const timed = sides.filter(({ row }) => isTimed(row))
  const forwarding = new Set<string>()
  for (const { row } of timed) {
    const instance = textOf(row, 'instanceId')
    const mine = sides.filter(side => textOf(side.row, 'instanceId') === instance)
    const held = timed.filter(side => textOf(side.row, 'instanceId') === instance && couldHold(side)).map(side => side.packet)
    // of a row whose direction is not believed either address may be the far one
    const unsaid = rows.filter(other => !believed.includes(other) && textOf(other, 'instanceId') === instance)
    if (
      instance !== null &&
      (mine.some(side => held.includes(side.far ?? '') || held.includes(side.farPacket ?? '')) ||
        unsaid.some(other => held.includes(textOf(other, 'srcAddr') ?? '') || held.includes(textOf(other, 'dstAddr') ?? '')))
    )
      forwarding.add(instance)
  }
  return timed.flatMap(side => {
    const { row, own, packet, far, farPacket, farSide } = side
    const out: ReferenceSighting[] = []
    const note = (kind: string, scope: string, ip: string, owner: string): void =>
      void out.push({ kind, scope, ip, owner, first: row['start'] as number, last: row['end'] as number })
    const scope = scopeOf(row)
    const [interfaceId, instance] = [textOf(row, 'interfaceId'), textOf(row, 'instanceId')]
    if (scope !== null && interfaceId !== null) {
      const owner = `${interfaceId}|${instance ?? ''}|`
      if (own !== null && !isNobody(own)) note('own', scope, own, owner)
      if (couldHold(side)) note(forwarding.has(instance!) ? 'passed' : 'packet', scope, packet!, owner)
    }
    const service = textOf(row, farSide === 'src' ? 'pktSrcAwsService' : 'pktDstAwsService')
    const end = farPacket ?? far
    if (service !== null && end !== null) note('own', 'aws', end, `||${service}`)
    return out
  })
}
