/** Which side of a record is ours: ingress, the destination; egress, the source. */
import { evidence, isMixed } from './direction-evidence.ts'
import type { OwnNetworks } from './own-networks.ts'
import { isOfSubnet } from './forwarders.ts'
import { addressFlag } from './parse/address-text.ts'
import { direction, directionSource, plainSide, type FlowBatch } from './parse/flow-batch.ts'

/**
 * Decides direction and directionSource of each row: what the record says itself (version 5); else exactly one address in own networks
 * (`ownNetwork`); else, within the block, the one IPv4 address that stands in every record of that observation point: `inferred` if it is the
 * private one of the two, `inferred_count` if it is not. If all its records are of one pair of addresses, or nothing names the observation point,
 * a single private address is the guess, and `inferred_count` too; else unknown. Nothing is inferred for a transit gateway: neither side of its records
 * is its own, and each of its attachments sees the traffic the other way round.
 *
 * @param networks The setting `networks.own`, undefined where it names nothing.
 */
export function resolveDirections(batch: FlowBatch, networks?: OwnNetworks): void {
  const { rows, classId, direction: directions, directionSource: sources } = batch
  const { loggedDirection } = batch.dictionaries.classes
  let undecided = 0
  for (let row = 0; row < rows; row++) {
    const logged = loggedDirection[classId[row]!]!
    directions[row] = logged
    sources[row] = logged !== 0 ? directionSource.logged : directionSource.none
    if (logged === 0) undecided++
  }
  if (undecided > 0 && !batch.dictionaries.contexts.transit) {
    if (networks !== undefined) decideByNetworks(batch, networks)
    inferDirections(batch, networks)
  }
  markPlainSides(batch, networks)
}

/** The address in the narrower own network is ours: of the VPC before of the account before of all. */
function decideByNetworks(batch: FlowBatch, networks: OwnNetworks): void {
  const { rows, contextId, direction: directions, directionSource: sources, dictionaries } = batch
  const source = batch.addressIds[0]!
  const destination = batch.addressIds[1]!
  for (let row = 0; row < rows; row++) {
    if (sources[row] !== directionSource.none || source[row] === 0 || destination[row] === 0) continue
    const from = networks.levelOf(dictionaries, contextId[row]!, source[row]!)
    const to = networks.levelOf(dictionaries, contextId[row]!, destination[row]!)
    if (from === to) continue
    directions[row] = from > to ? direction.egress : direction.ingress
    sources[row] = directionSource.ownNetwork
  }
}

function inferDirections(batch: FlowBatch, networks: OwnNetworks | undefined): void {
  const { rows, contextId, direction: directions, directionSource: sources } = batch
  const { contexts, addresses } = batch.dictionaries
  const { flags } = addresses.current
  const source = batch.addressIds[0]!
  const destination = batch.addressIds[1]!
  evidence.weigh(batch, networks)
  for (let row = 0; row < rows; row++) {
    if (sources[row] !== directionSource.none) continue
    const from = source[row]!
    const to = destination[row]!
    if (from === 0 || to === 0 || from === to) continue
    const observer = contexts.observers[contextId[row]!]!
    const isPrivateRow = isMixed(batch, row, networks)
    const guess = isPrivateRow ? ((flags[from]! & addressFlag.private) !== 0 ? from : to) : 0
    const ours = observer < 0 ? guess : evidence.chosen[observer]!
    if (ours === 0 || (ours !== from && ours !== to)) continue
    directions[row] = ours === from ? direction.egress : direction.ingress
    sources[row] = ours === guess && observer >= 0 && evidence.isSure(observer) ? directionSource.inferred : directionSource.inferredCount
  }
}

/** Sides that are not annotated: the interface's own addresses, whatever their range, and what is in own networks. Few blocks have any. */
function markPlainSides(batch: FlowBatch, networks: OwnNetworks | undefined): void {
  const { rows, direction: directions } = batch
  const { contexts, addresses } = batch.dictionaries
  const { flags } = addresses.current
  const [source, destination, packetSource, packetDestination] = batch.addressIds as [Int32Array, Int32Array, Int32Array, Int32Array]
  for (let row = 0; row < rows; row++) {
    const way = directions[row]!
    const isEgress = way === direction.egress
    const own = isEgress ? source[row]! : destination[row]!
    const packet = isEgress ? packetSource[row]! : packetDestination[row]!
    let sides = 0
    const isPublicOwn = way !== direction.unknown && (flags[own]! & addressFlag.special) === 0 && own !== 0 && !contexts.transit
    if (isPublicOwn && (packet === 0 || packet === own || isOfSubnet(addresses.current, packet, own)))
      sides = isEgress ? plainSide.source : plainSide.destination
    if (networks !== undefined) sides |= ownSides(batch, row, networks)
    if (sides === 0 && !batch.hasPlainSides) continue
    if (!batch.hasPlainSides) batch.plainSides.fill(0, 0, rows)
    batch.hasPlainSides = true
    batch.plainSides[row] = sides
  }
}

function ownSides(batch: FlowBatch, row: number, networks: OwnNetworks): number {
  const context = batch.contextId[row]!
  const isOwn = (address: number): boolean => address !== 0 && networks.levelOf(batch.dictionaries, context, address) > 0
  return (isOwn(batch.trueSource(row)) ? plainSide.source : 0) | (isOwn(batch.trueDestination(row)) ? plainSide.destination : 0)
}
