/** Which side of a record is ours, and what a block teaches: computed with sets over objects. Shares no code with processors/enrich. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { findFlowField } from '../../../flow/fields.ts'

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

/** 100.64.0.0/10. */
const isShared = (ip: string): boolean => octets(ip)[0] === 100 && isPrivate(ip)
/** An address that an interface of a VPC may have which nobody has to name. */
const canBePeer = (ip: string): boolean => isPrivate(ip) && !isNobody(ip)
const endsOf = (row: ReferenceRow): [string, string] => [textOf(row, 'srcAddr')!, textOf(row, 'dstAddr')!]
const isLogged = (row: ReferenceRow): boolean => row['directionSource'] === 'logged'

/** A regional NAT gateway: it has no interface, and no side of its own. */
function hasNoSide(row: ReferenceRow, hasInterfaceColumn: boolean): boolean {
  if (textOf(row, 'interfaceId') !== null) return false
  return (
    hasInterfaceColumn || textOf(row, 'interfaceType') === 'regional_nat_gateway' || textOf(row, 'resourceId')?.startsWith('nat-') === true
  )
}

/** An address that no table knows; of the addresses for documentation only one network is among the tests. */
const isSpecial = (ip: string): boolean => isPrivate(ip) || isNobody(ip) || unmapped(ip).startsWith('203.0.113.')

/** Whether source and destination are looked up: public, in no own network, and not the interface's own address. */
export function lookedUp(row: ReferenceRow, names: readonly string[], networks: readonly ReferenceNetwork[]): [boolean, boolean] {
  const isGateway = !names.includes('interface-id') && names.some(name => findFlowField(name)?.version === 6)
  const hasOwnSide = !isGateway && !hasNoSide(row, names.includes('interface-id'))
  const is = (side: 'src' | 'dst', ownOf: string): boolean => {
    const address = textOf(row, `${side}Addr`)
    const packet = textOf(row, side === 'src' ? 'pktSrcAddr' : 'pktDstAddr') ?? address
    if (packet === null || isSpecial(packet) || levelOf(row, packet, networks) > 0) return false
    if (!hasOwnSide || row['direction'] !== ownOf || address === null) return true
    // of the other addresses of an interface only those of its subnet, which is a /16 at most, are its own
    const isAlike =
      packet === address || (isIPv4(packet) && isIPv4(address) && octets(packet).slice(0, 2).join() === octets(address).slice(0, 2).join())
    return isSpecial(address) || !isAlike
  }
  return [is('src', 'egress'), is('dst', 'ingress')]
}

/** The side that own networks claim: the one of the VPC before another, else the only one in any network. */
interface Claim {
  readonly ip: string
  readonly far: string
  readonly byVpc: boolean
}
function claimOf(row: ReferenceRow, networks: readonly ReferenceNetwork[]): Claim | null {
  const [src, dst] = endsOf(row)
  const levels = new Map([src, dst].map(ip => [ip, levelOf(row, ip, networks)]))
  const inVpc = [src, dst].filter(ip => levels.get(ip) === 3)
  const inAny = [src, dst].filter(ip => levels.get(ip)! > 0)
  const [ip] = inVpc.length === 1 ? inVpc : inVpc.length === 0 && inAny.length === 1 ? inAny : []
  return ip === undefined || isNobody(ip) ? null : { ip, far: ip === src ? dst : src, byVpc: inVpc.length === 1 }
}

/** The private one of two IPv4 addresses, if the other one is public and no network names one of them. */
function privateSide(row: ReferenceRow, networks: readonly ReferenceNetwork[]): string | null {
  const ends = endsOf(row)
  if (ends.some(ip => !isIPv4(ip) || isNobody(ip) || levelOf(row, ip, networks) > 0)) return null
  return ends.filter(isPrivate).length === 1 ? ends.find(isPrivate)! : null
}

/** Of a record of which no more is known: not an address of the shared range, which stands behind interfaces of any range. */
function guess(row: ReferenceRow, networks: readonly ReferenceNetwork[]): string | null {
  const side = privateSide(row, networks)
  return side !== null && isShared(side) ? null : side
}

/** The IPv4 records of one observation point. */
interface Group {
  readonly scope: string | null
  readonly rows: readonly ReferenceRow[]
  /** Addresses that can be the own one of every record. */
  readonly inAll: readonly string[]
  /** Addresses that networks of the VPC, and others, claim. */
  readonly byVpc: ReadonlySet<string>
  readonly general: ReadonlySet<string>
  /** The own address: known for sure, or taken for it. */
  readonly own: string | null
  readonly why: 'certain' | 'named' | 'general' | 'guess'
}

function groupOf(rows: readonly ReferenceRow[], networks: readonly ReferenceNetwork[]): Group {
  const possible = rows.map(row => (isLogged(row) ? [row['direction'] === 'egress' ? endsOf(row)[0] : endsOf(row)[1]] : endsOf(row)))
  const inAll = [...new Set(possible.flat())].filter(ip => possible.every(list => list.includes(ip)))
  const claims = rows.filter(row => !isLogged(row)).flatMap(row => claimOf(row, networks) ?? [])
  const byVpc = new Set(claims.filter(claim => claim.byVpc).map(({ ip }) => ip))
  const general = new Set(claims.filter(claim => !claim.byVpc).map(({ ip }) => ip))
  const known = { scope: scopeOf(rows[0]!), rows, inAll, byVpc, general }
  if (inAll.length === 1) return { ...known, own: inAll[0]!, why: 'certain' }
  // all records are of one pair
  const [named] = byVpc
  if (inAll.length === 2 && named !== undefined) return { ...known, own: named, why: 'named' }
  const [claimed] = general
  if (inAll.length === 2 && claimed !== undefined)
    return { ...known, own: inAll.some(ip => ip !== claimed && canBePeer(ip)) ? null : claimed, why: 'general' }
  return {
    ...known,
    own: inAll.length === 2 ? (rows.map(row => guess(row, networks)).find(ip => ip !== null) ?? null) : null,
    why: 'guess',
  }
}

/** The own addresses of observation points; what another one of the block contradicts is left out. */
function groupsOf(rows: readonly ReferenceRow[], networks: readonly ReferenceNetwork[], hasInterfaceColumn: boolean): Map<string, Group> {
  const usable = rows.filter(row => {
    const [src, dst] = [textOf(row, 'srcAddr'), textOf(row, 'dstAddr')]
    if (observerOf(row) === null || hasNoSide(row, hasInterfaceColumn) || src === null || dst === null || src === dst) return false
    return [src, dst].every(ip => isIPv4(ip) && !isNobody(ip))
  })
  const groups = new Map([...Map.groupBy(usable, row => observerOf(row)!)].map(([name, of]) => [name, groupOf(of, networks)]))
  const all = [...groups.values()]
  const isFirm = ({ why }: Group): boolean => why === 'certain' || why === 'named'
  const isContradicted = (group: Group): boolean => {
    const neighbours = all.filter(other => other !== group && other.scope === group.scope)
    const rivals = neighbours.filter(other => other.own !== null && other.own === group.own)
    if (!isFirm(group) && rivals.length > 0) return true
    const certain = neighbours.filter(({ why }) => why === 'certain')
    if (group.why === 'guess') return certain.some(({ own }) => !isPrivate(own!))
    return group.why === 'general' && certain.some(({ own, byVpc, general }) => !isOnly(byVpc, own!) && !isOnly(general, own!))
  }
  return new Map([...groups].map(([name, group]) => [name, isContradicted(group) ? { ...group, own: null } : group]))
}

const isOnly = (set: ReadonlySet<string>, ip: string): boolean => set.size === 1 && set.has(ip)

/** The block proves that the private address in all records of an interface is its own. */
function isProven({ own, why, byVpc, rows }: Group, networks: readonly ReferenceNetwork[]): boolean {
  if (own === null || why !== 'certain' || !isPrivate(own)) return false
  const open = rows.filter(row => !isLogged(row))
  const peers = open.filter(row => privateSide(row, networks) !== null).map(row => endsOf(row).find(ip => !isPrivate(ip))!)
  const networksMet = new Set(peers.map(ip => octets(ip).slice(0, 2).join('.')))
  return rows.some(isLogged) || isOnly(byVpc, own) || open.some(row => endsOf(row).every(isPrivate)) || networksMet.size > 1
}

/**
 * Fills direction, directionSource and directionBy where the log does not say them; marks rows that may teach with `believed`.
 *
 * @param hasInterfaceColumn The format has `interface-id`.
 */
export function decideDirections(rows: ReferenceRow[], networks: readonly ReferenceNetwork[], hasInterfaceColumn: boolean): void {
  const decide = (row: ReferenceRow, own: string, source: string, by: string | null, believed: boolean): void => {
    row['direction'] = own === row['srcAddr'] ? 'egress' : 'ingress'
    row['directionSource'] = source
    row['directionBy'] = by
    if (believed) Object.defineProperty(row, 'believed', { value: true })
  }
  const groups = groupsOf(rows, networks, hasInterfaceColumn)
  const open = rows.filter(row => {
    const [src, dst] = [textOf(row, 'srcAddr'), textOf(row, 'dstAddr')]
    return row['directionSource'] === 'none' && src !== null && dst !== null && src !== dst && !hasNoSide(row, hasInterfaceColumn)
  })
  const decisions = open.map((row): (() => void) => {
    const observer = observerOf(row)
    const group = observer === null ? undefined : groups.get(observer)
    const claim = claimOf(row, networks)
    if (claim !== null && claimHolds(claim, row, group, open, networks)) {
      const isV4 = [claim.ip, claim.far].every(ip => isIPv4(ip))
      const agreed = isV4 && group?.why === 'certain' && group.own === claim.ip && isOnly(group.general, claim.ip)
      return () => decide(row, claim.ip, 'inferred', 'own_network', claim.byVpc || !canBePeer(claim.far) || agreed)
    }
    const own = observer === null ? guess(row, networks) : (group?.own ?? null)
    if (own === null || !endsOf(row).includes(own)) return () => undefined
    // of one pair of addresses, or without an interface, which is ours is a guess
    const proven = group !== undefined && isProven(group, networks)
    const isInferred = proven || (privateSide(row, networks) === own && group?.inAll.length === 1)
    return () => decide(row, own, isInferred ? 'inferred' : 'inferred_count', null, proven)
  })
  for (const apply of decisions) apply()
}

/** Nothing else in the block says otherwise. */
function claimHolds(
  { ip, far, byVpc }: Claim,
  row: ReferenceRow,
  group: Group | undefined,
  open: readonly ReferenceRow[],
  networks: readonly ReferenceNetwork[],
): boolean {
  const isDisputed = group?.inAll.length === 1 && group.inAll[0] !== ip
  const isV4 = isIPv4(ip) && isIPv4(far)
  if (byVpc) return !isV4 || !(isDisputed || (group !== undefined && group.byVpc.size > 1))
  if (isV4) {
    if (observerOf(row) === null) return !canBePeer(far)
    return isNobody(far) ? !isDisputed : group?.own === ip
  }
  if (observerOf(row) === null || isNobody(far)) return true
  // several IPv6 addresses of ours with one peer: it may well be the other way round
  const others = open
    .filter(other => observerOf(other) === observerOf(row) && endsOf(other).every(end => isIPv6(end) && !isNobody(end)))
    .flatMap(other => claimOf(other, networks) ?? [])
    .filter(claim => !claim.byVpc)
  return new Set(others.map(other => other.ip)).size <= 1 || new Set(others.map(other => other.far)).size > 1
}

/** What a block whose directions are decided teaches, row by row. */
export function teach(rows: readonly ReferenceRow[], latest: number, networks: readonly ReferenceNetwork[]): ReferenceSighting[] {
  const believed = rows.filter(row => isLogged(row) || row['believed'] === true)
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
      levelOf(row, packet, networks) === 3 ||
      (levelOf(row, packet, networks) > 0 && own !== null && levelOf(row, own, networks) > 0) ||
      (own !== null &&
        isIPv4(own) &&
        isIPv4(packet) &&
        !isPrivate(own) &&
        octets(own).slice(0, 2).join('.') === octets(packet).slice(0, 2).join('.')))
  const isTimed = (row: ReferenceRow): boolean =>
    row['timeSource'] === 'logged' && (row['end'] as number) - (row['start'] as number) <= 660 && (row['end'] as number) <= latest
  const timed = sides.filter(({ row }) => isTimed(row))
  // addresses that stand on the far side of an instance; of a row whose direction is not believed either address may be the far one
  const farOf = (instance: string): Set<string | null> =>
    new Set(
      rows
        .filter(row => textOf(row, 'instanceId') === instance)
        .flatMap(row => {
          const side = sides.find(each => each.row === row)
          return side === undefined ? [textOf(row, 'srcAddr'), textOf(row, 'dstAddr')] : [side.far, side.farPacket]
        }),
    )
  /** What the packet address of a side is to its instance; null: that cannot be told. */
  const kindOf = (instance: string, packet: string): string | null => {
    const far = farOf(instance)
    const held = timed.filter(side => textOf(side.row, 'instanceId') === instance && couldHold(side))
    if (far.has(packet)) return 'passed'
    return held.some(side => far.has(side.packet)) ? null : 'packet'
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
      const kind = couldHold(side) ? kindOf(instance!, packet!) : null
      if (kind !== null) note(kind, scope, packet!, owner)
    }
    const service = textOf(row, farSide === 'src' ? 'pktSrcAwsService' : 'pktDstAwsService')
    const end = farPacket ?? far
    if (service !== null && end !== null) note('own', 'aws', end, `||${service}`)
    return out
  })
}
