/**
 * What is true of a network, and what its flow logs let anybody know. Written apart from the product: no code and no SQL of it.
 *
 * Each check says `wrong` for a definite answer that is not true or is missing although the log has what it takes, `unknown` for one that is
 * missing or soft because the log does not show it, and `right`.
 */
import type { Eni, FlowLog, Network } from './network.ts'
import type { LogRecord } from './log-objects.ts'
import type { Inbound, Traffic } from './traffic.ts'

/** What came of a check. */
export interface Verdict {
  readonly result: 'right' | 'unknown' | 'wrong'
  readonly seed: number
  readonly question: 'exposure' | 'undecided exposure' | 'flow owners' | 'holder' | 'direction'
  readonly detail: string
}

/** A network with what happened in it. */
export interface Scenario {
  readonly network: Network
  readonly traffic: Traffic
  readonly records: readonly LogRecord[]
}

/** A row of exposed_ports_between. */
export interface ExposureRow {
  evidence: 'answered' | 'replied' | 'accepted' | 'undecided' | 'nat-phantom'
  /** Null: the format names none. */
  observer: string | null
  protocol: number
  local: string
  /** Null for a protocol without ports. */
  local_port: number | null
  remote: string
  inferred: number
  maybe_nat: number
}

/** Columns of exposed_ports_between that a format may lack. */
export interface KnownCells {
  vpc_id: string | null
  subnet_id: string | null
  instance_id: string | null
  country: string | null
  asn: number | null
  as_org: string | null
  threat: string | null
  packets: string | null
  bytes: string | null
  first_seen: string | null
}

/** A row of flow_owners_between. */
export interface OwnersRow {
  direction: 'unknown' | 'ingress' | 'egress'
  local: string
  remote: string
  local_interface_id: string | null
  local_state: string | null
  remote_interface_id: string | null
  remote_service: string | null
  remote_state: string | null
}

/** An answer of who_holds. */
export interface HolderRow {
  state: 'held' | 'ambiguous' | 'last-known'
  interface_id: string
}

const isNat = (eni: Eni): boolean => eni.role === 'nat' || eni.role === 'regional-nat'
const tcp = 6

/** The flow log that answers count: of two that write the same, the one with more columns, then the smaller id. */
export const countedLog = ({ flowLogs }: Network): FlowLog =>
  [...flowLogs].sort((a, b) => b.columns.length - a.columns.length || (a.id < b.id ? -1 : 1))[0]!

const has = (log: FlowLog, ...columns: string[]): boolean => columns.every(column => log.columns.includes(column))

/** Interfaces that hold an address in some second of a time. */
export function holders(network: Network, address: string, from: number, to: number): Eni[] {
  return network.enis.filter(
    eni =>
      eni.role !== 'regional-nat' &&
      eni.from <= to &&
      eni.to >= from &&
      (eni.v4 === address || eni.v6 === address || eni.secondary.includes(address) || eni.pods.includes(address)),
  )
}

/** A gateway that the logs show to be one: named, or inferred from a format that has all it takes. */
function showsNat({ network, records }: Scenario, eni: Eni): boolean {
  return network.flowLogs.some(log => {
    if (has(log, 'interface-type') || (eni.role === 'regional-nat' && has(log, 'resource-id'))) return true
    const passed = records.some(record => record.eni === eni && record.pktSrc !== record.src)
    return eni.role === 'nat' && passed && has(log, 'flow-direction', 'tcp-flags', 'instance-id', 'pkt-srcaddr', 'pkt-dstaddr')
  })
}

/** A row that is the one of an attempt. */
function isOf({ network }: Scenario, row: ExposureRow, truth: Inbound): boolean {
  const packetsKnown = has(countedLog(network), 'pkt-srcaddr', 'pkt-dstaddr')
  return (
    row.observer === truth.eni.id &&
    row.protocol === truth.protocol &&
    row.local_port === ([6, 17].includes(row.protocol) ? truth.port : null) &&
    row.remote === truth.peer &&
    (row.local === truth.address || (!packetsKnown && row.local === truth.own))
  )
}

/** Records of a row's two ends at its interface, whichever way round. */
const recordsAt = ({ records }: Scenario, row: ExposureRow): LogRecord[] =>
  records.filter(({ eni, protocol, action, src, dst, pktSrc, pktDst }) => {
    const ends = [src, dst, pktSrc, pktDst]
    return (
      eni.id === row.observer && protocol === row.protocol && action === 'ACCEPT' && ends.includes(row.remote) && ends.includes(row.local)
    )
  })

/**
 * True if no log says the direction, and in each object with records of the row all records of its interface are between the same two IPv4 addresses:
 * which of these is the interface's own can only be guessed.
 */
function restsOnOnePair(scenario: Scenario, row: ExposureRow): boolean {
  const { network, records } = scenario
  if (network.flowLogs.some(log => has(log, 'flow-direction'))) return false
  const slotOf = (record: LogRecord): number => Math.floor(record.end / 300)
  const slots = new Set(recordsAt(scenario, row).map(slotOf))
  const isOnePair = (slot: number): boolean => {
    const within = records.filter(record => record.eni.id === row.observer && slotOf(record) === slot && !record.src.includes(':'))
    return new Set(within.map(({ src, dst }) => [src, dst].sort().join(' '))).size <= 1
  }
  return slots.size > 0 && [...slots].every(isOnePair)
}

/**
 * What ports alone say of a conversation without flags and order: a client takes 1024 or more, and of itself mostly 32768 or more; but some ask from the
 * port that they ask for.
 */
function portsSay(own: number, far: number): 'ours is the service' | 'ours is the client' | 'nothing' | 'perhaps' {
  if (own === far) return 'nothing'
  if (own < 1024) return 'ours is the service'
  const [ownIsHigh, farIsHigh] = [own >= 32_768, far >= 32_768]
  if (ownIsHigh && farIsHigh) return 'nothing'
  return ownIsHigh ? 'ours is the client' : 'perhaps'
}

/** Of each conversation of a row: what its ports say, and whether request and answer are of one second. */
function conversationsOf(scenario: Scenario, row: ExposureRow): { ports: ReturnType<typeof portsSay>; oneSecond: boolean }[] {
  const own = row.local_port
  if (own === null) return []
  const records = recordsAt(scenario, row).filter(record => (record.egress ? record.srcPort : record.dstPort) === own)
  const first = (of: readonly LogRecord[], egress: boolean): number => Math.min(...of.filter(each => each.egress === egress).map(({ start }) => start)) // prettier-ignore
  return [...Map.groupBy(records, record => (record.egress ? record.dstPort : record.srcPort))].map(([far, of]) => ({
    ports: portsSay(own, far),
    oneSecond: first(of, false) === first(of, true),
  }))
}

/** True if nothing may say who opened a conversation of the row: request and answer are of one second, no flags are logged, and ports do not settle it. */
const mayBeOpen = (scenario: Scenario, row: ExposureRow, knowsOpener: boolean): boolean =>
  !knowsOpener && conversationsOf(scenario, row).some(({ ports, oneSecond }) => oneSecond && (ports === 'nothing' || ports === 'perhaps'))

/** True if nothing says who opened any conversation of the row. */
function isOpen(scenario: Scenario, row: ExposureRow): boolean {
  const all = conversationsOf(scenario, row)
  const flagged = row.protocol === tcp && scenario.network.flowLogs.some(log => has(log, 'tcp-flags'))
  return !flagged && all.length > 0 && all.every(({ ports, oneSecond }) => oneSecond && ports === 'nothing')
}

/** Checks that somebody with an address that was ours long before the time asked is listed as outside. */
export function checkFormerPeer(scenario: Scenario, truth: Inbound, rows: readonly ExposureRow[]): Verdict {
  const log = countedLog(scenario.network)
  const listed = rows.some(row => isOf(scenario, row, truth) && row.evidence !== 'undecided')
  const shown = has(log, 'flow-direction', 'tcp-flags')
  const detail = `the former address ${truth.peer} counts as ours: ${JSON.stringify({ ...truth, eni: truth.eni.id })}`
  return { result: listed ? 'right' : shown ? 'wrong' : 'unknown', seed: scenario.network.seed, question: 'exposure', detail }
}

/** Checks the exposures of a time that begins within conversations: nothing definite that is not true, and no answer that there was not. */
export function checkCutExposures(scenario: Scenario, rows: readonly ExposureRow[]): Verdict[] {
  return rows.flatMap(row => {
    const truths = scenario.traffic.inbound.filter(truth => isOf(scenario, row, truth))
    // a gateway that the format does not name has no observer
    if (row.observer === null || row.evidence === 'undecided' || row.evidence === 'nat-phantom') return []
    const inside = holders(scenario.network, row.remote, scenario.network.startS, scenario.network.startS + scenario.network.lengthS)
    if (inside.length > 0) return []
    const wrong = [
      [row.inferred === 0 && truths.length === 0, 'definite, and nobody came in there'],
      [row.evidence === 'answered' && !truths.some(truth => truth.back === 'answer'), 'answered without ground'],
      [row.evidence === 'replied' && isOpen(scenario, row), 'in a cut, ports decide of which nobody can say who asked'],
    ].find(([holds]) => holds)
    const result = wrong !== undefined ? 'wrong' : truths.length === 0 ? 'unknown' : 'right'
    return [{ result, seed: scenario.network.seed, question: 'exposure', detail: `${String(wrong?.[1])}: ${JSON.stringify(row)}` }]
  })
}

/** Checks the exposures of a network in all its time: each row, and each attempt that must be a row. */
export function checkExposures(scenario: Scenario, rows: readonly (ExposureRow & KnownCells)[]): Verdict[] {
  const { network, traffic } = scenario
  const log = countedLog(network)
  const packetsKnown = has(log, 'pkt-srcaddr', 'pkt-dstaddr')
  const flagsKnown = has(log, 'tcp-flags')
  const sayOf =
    (question: Verdict['question']) =>
    (result: Verdict['result'], detail: string): Verdict => ({ result, seed: network.seed, question, detail })
  const matches = (row: ExposureRow, truth: Inbound): boolean => isOf(scenario, row, truth)
  const verdicts: Verdict[] = []
  for (const row of rows) {
    const text = JSON.stringify(row)
    const say = sayOf(row.evidence === 'undecided' ? 'undecided exposure' : 'exposure')
    const eni = network.enis.find(each => each.id === row.observer)
    if (eni === undefined) {
      if (row.observer !== null) verdicts.push(say('wrong', `an observer that does not exist: ${text}`))
      continue
    }
    const truths = traffic.inbound.filter(truth => matches(row, truth))
    const answered = truths.some(truth => truth.back === 'answer')
    const nothingBack = truths.every(truth => truth.back === 'nothing')
    // a regional gateway is named by a format with resource-id alone, which may be another flow log than the one that counts
    const naming = eni.role === 'regional-nat' ? network.flowLogs.filter(each => has(each, 'resource-id')) : [log]
    const knowsOpener = row.protocol === tcp && flagsKnown && naming.every(each => has(each, 'tcp-flags'))
    const wrong = [
      [row.evidence === 'nat-phantom' && !isNat(eni), 'a phantom that is an open host'],
      [isNat(eni) && truths.length > 0 && showsNat(scenario, eni) && row.evidence !== 'nat-phantom', 'a gateway that the log shows is taken for a host'], // prettier-ignore
      [isNat(eni) && row.evidence === 'answered', 'a gateway answers'],
      [truths.length === 0 && row.inferred === 0, 'nobody came in there from outside'],
      [truths.length === 0 && knowsOpener && (row.inferred === 0 || !isNat(eni)), 'nobody came in there, and the flags say so'],
      [truths.length === 0 && row.protocol === 17 && row.evidence !== 'undecided', 'nobody came in there, and the ports say so'],
      [
        row.inferred === 1 && knowsOpener && network.flowLogs.every(each => has(each, 'flow-direction')),
        'inferred although the flags say it',
      ],
      [row.inferred === 0 && row.protocol === tcp && !flagsKnown, 'definite although no flags are logged'],
      [row.evidence === 'answered' && !(knowsOpener && answered), 'answered without ground'],
      [row.evidence === 'replied' && truths.length > 0 && nothingBack, 'replied without traffic back'],
      [row.evidence === 'replied' && knowsOpener, 'replied although the flags say what it was'],
      [row.evidence === 'accepted' && answered && has(log, 'flow-direction') && packetsKnown, 'an answer is not seen'],
      [row.maybe_nat === 1 && eni.instanceId !== '-' && network.flowLogs.every(each => has(each, 'instance-id')), 'an instance may be a gateway'], // prettier-ignore
      [row.maybe_nat === 1 && !isNat(eni) && has(log, 'interface-type') && eni.instanceId === '-', 'another type may be a gateway'],
      [row.evidence === 'undecided' && has(log, 'flow-direction') && !mayBeOpen(scenario, row, knowsOpener), 'undecided although the direction is logged'], // prettier-ignore
      [
        row.evidence !== 'undecided' && row.evidence !== 'nat-phantom' && isOpen(scenario, row),
        'ports decide of which nobody can say who asked',
      ],
      [row.evidence === 'undecided' && recordsAt(scenario, row).length === 0, 'undecided about nothing'],
      [row.evidence === 'undecided' && row.inferred === 0, 'undecided and definite'],
      [row.inferred === 0 && restsOnOnePair(scenario, row), 'a direction that was guessed from one pair of addresses reads as known'],
      [!hasKnownCells(scenario, eni, row), 'what the log says is NULL, or what it does not say is not'],
    ].find(([holds]) => holds)
    const inside = holders(network, row.remote, network.startS, network.startS + network.lengthS)
    if (inside.length > 0 && truths.length === 0) verdicts.push(checkInside(scenario, row, inside, say))
    else if (wrong !== undefined) verdicts.push(say('wrong', `${String(wrong[1])}: ${text}`))
    else verdicts.push(say(truths.length === 0 ? 'unknown' : 'right', text))
  }
  for (const truth of traffic.inbound) {
    if (rows.some(row => matches(row, truth))) continue
    if (truth.eni.role === 'regional-nat' && !has(log, 'resource-id')) continue
    // an address of ours at some time of it all
    const wasOurs = holders(network, truth.peer, network.startS, network.startS + network.lengthS).length > 0
    // without flags, only a port that no client takes says which end is the service
    const serviceKnown = truth.protocol !== tcp || flagsKnown || (truth.port < 1024 && truth.peerPort >= 1024)
    // without flags, a high port of ours and a lower one of the peer are those of a client of ours
    const seemsOurs = (truth.protocol !== tcp || !flagsKnown) && portsSay(truth.port, truth.peerPort) === 'ours is the client'
    const shown = !wasOurs && (has(log, 'flow-direction') ? packetsKnown && !seemsOurs : serviceKnown && !seemsOurs && !network.routable)
    verdicts.push(sayOf('exposure')(shown ? 'wrong' : 'unknown', `an attempt from outside is not listed: ${JSON.stringify({ ...truth, eni: truth.eni.id })}`)) // prettier-ignore
  }
  return verdicts
}

/** True if the cells of a row have a value if each format has the column, and NULL if none has. There are no lookup tables, and each format has counts and times. */
function hasKnownCells({ network: { flowLogs } }: Scenario, eni: Eni, row: KnownCells): boolean {
  const fits = (cell: string | null, column: string, value: boolean): boolean =>
    cell === null ? !value || !flowLogs.every(log => has(log, column)) : value && cell !== '' && flowLogs.some(log => has(log, column))
  return (
    fits(row.vpc_id, 'vpc-id', true) &&
    fits(row.subnet_id, 'subnet-id', true) &&
    fits(row.instance_id, 'instance-id', eni.instanceId !== '-') &&
    [row.country, row.asn, row.as_org, row.threat].every(cell => cell === null) &&
    [row.packets, row.bytes, row.first_seen].every(cell => cell !== null)
  )
}

/** A row whose peer is one of the network: wrong if the log shows that peer as an interface's own address. */
function checkInside(
  { network, records }: Scenario,
  row: ExposureRow,
  inside: readonly Eni[],
  say: (result: Verdict['result'], detail: string) => Verdict,
): Verdict {
  // prettier-ignore
  const shown =
    network.flowLogs.some(log => has(log, 'flow-direction')) &&
    inside.some(eni => records.some(record => record.eni === eni && (record.egress ? record.src : record.dst) === row.remote))
  const sameScope = new Set(network.flowLogs.map(log => has(log, 'vpc-id'))).size === 1
  return say(shown && sameScope ? 'wrong' : 'unknown', `a peer of the same VPC counts as outside: ${JSON.stringify(row)}`)
}

/** Checks the owners of one record. */
export function checkOwners({ network }: Scenario, log: FlowLog, record: LogRecord, row: OwnersRow): Verdict[] {
  const at = record.start
  const say = (question: Verdict['question'], result: Verdict['result'], why: string): Verdict => ({
    result,
    seed: network.seed,
    question,
    detail: `${why}: ${JSON.stringify(row)} of ${record.eni.role} ${record.eni.id} ${record.egress ? 'egress' : 'ingress'} ${record.src} ${record.dst} at ${at}`,
  })
  const verdicts: Verdict[] = []
  const truly = record.egress ? 'egress' : 'ingress'
  if (row.direction === 'unknown') {
    verdicts.push(say('direction', has(log, 'flow-direction') ? 'wrong' : 'unknown', 'no direction'))
    verdicts.push(checkSide(network, row.local, row.local_interface_id, null, row.local_state, at, say))
  } else {
    const named = record.eni.role !== 'regional-nat'
    verdicts.push(say('direction', row.direction === truly ? 'right' : 'wrong', 'direction'))
    if (named && row.local_interface_id !== record.eni.id) verdicts.push(say('flow owners', 'wrong', 'the record names its interface'))
    else if (named && row.local_state === 'held' && row.direction !== truly) verdicts.push(say('flow owners', 'wrong', 'the far side is held by the interface')) // prettier-ignore
    else if (!named) verdicts.push(checkSide(network, row.local, row.local_interface_id, null, row.local_state, at, say))
    else verdicts.push(say('flow owners', row.local_state === 'held' ? 'right' : has(log, 'flow-direction') ? 'wrong' : 'unknown', 'local owner')) // prettier-ignore
  }
  verdicts.push(checkSide(network, row.remote, row.remote_interface_id, row.remote_service, row.remote_state, at, say))
  return verdicts
}

type SayOwner = (question: Verdict['question'], result: Verdict['result'], why: string) => Verdict

function checkSide(
  network: Network,
  address: string,
  owner: string | null,
  service: string | null,
  state: string | null,
  at: number,
  say: SayOwner,
): Verdict {
  // prettier-ignore
  const near = holders(network, address, at - 660, at + 60)
  if (service !== null && service !== 'S3') return say('flow owners', 'wrong', 'a service that is none')
  if (state === 'held' && service === null && !near.some(eni => eni.id === owner)) return say('flow owners', 'wrong', 'held by another')
  if (state === 'last-known' && service === null && !holders(network, address, 0, at + 60).some(eni => eni.id === owner))
    return say('flow owners', 'wrong', 'never held by that')
  if (near.length > 0 && state !== 'held') return say('flow owners', 'unknown', 'no owner')
  return say('flow owners', 'right', 'owner')
}

/** A run of the table cloud_map. */
export interface RunRow {
  ip: string
  interface_id: string
  valid_from: number
  last_seen: number
}

/** Checks a run of the map: its owner holds the address in truth. */
export function checkRun({ network }: Scenario, run: RunRow): Verdict {
  const truly = holders(network, run.ip, run.valid_from - 60, run.last_seen + 60).some(eni => eni.id === run.interface_id)
  return { result: truly ? 'right' : 'wrong', seed: network.seed, question: 'holder', detail: `taught wrong: ${JSON.stringify(run)}` }
}

/** Checks who holds an address of the network at a time. */
export function checkHolder({ network, records }: Scenario, address: string, at: number, row: HolderRow | undefined): Verdict {
  const say = (result: Verdict['result'], why: string): Verdict => ({
    result,
    seed: network.seed,
    question: 'holder',
    detail: `${why}: ${address} at ${at}: ${JSON.stringify(row ?? null)}`,
  })
  const own = records.filter(record => (record.egress ? [record.src, record.pktSrc] : [record.dst, record.pktDst]).includes(address))
  const recent = own.filter(record => record.start <= at && record.end + 600 >= at)
  const near = holders(network, address, at - 660, at + 60)
  if (row?.state === 'held') {
    if (!near.some(eni => eni.id === row.interface_id)) return say('wrong', 'held by another')
    return recent.length === 0 ? say('wrong', 'held though nothing was seen for more than 10 minutes') : say('right', 'held')
  }
  if (row?.state === 'last-known' && !holders(network, address, 0, at + 60).some(eni => eni.id === row.interface_id))
    return say('wrong', 'last known was another')
  // logged directions show the own address of an interface, whatever its range
  const shown = recent.filter(
    record => (record.egress ? record.src : record.dst) === address && record.eni.role !== 'regional-nat' && record.start <= at && record.end >= at - 600, // prettier-ignore
  )
  const scopes = new Set(network.flowLogs.map(log => has(log, 'vpc-id')))
  if (shown.length > 0 && scopes.size === 1 && network.flowLogs.every(log => has(log, 'flow-direction')) && row?.state !== 'ambiguous')
    return say('wrong', 'not held though the log shows it')
  return say(recent.length === 0 ? 'right' : 'unknown', 'nobody holds it')
}
