/** Which side of a record is ours: ingress, the destination; egress, the source. */
import { canBePeer, evidence, guessedSide, privateSide } from './direction-evidence.ts'
import { vpcLevel, type OwnNetworks } from './own-networks.ts'
import { isOfSubnet } from './forwarders.ts'
import { addressFlag } from '../../flow/address-text.ts'
import { noSide } from '../../flow/observer-dictionary.ts'
import { belief, direction, directionSource, plainSide, type FlowBatch } from '../../flow/flow-batch.ts'

const { nobody } = addressFlag

/**
 * Decides direction and directionSource of each row: what the record says itself (version 5); else own networks (`ownNetwork`), as far as the
 * block does not contradict them; else, within the block, the one IPv4 address that stands in every record of that observation point:
 * `inferred` if it is private and the block proves it, or if it is the private one of the two; else `inferred_count`. If all its records are of one
 * pair of addresses, or nothing names the observation point, a single address of RFC 1918 is the guess, and `inferred_count` too; else unknown.
 * Nothing is decided for a regional NAT gateway: neither side of its records is its own. Records of a transit gateway have no direction, even if the
 * log says `ingress` or `egress`: that is relative to the gateway, and neither address is that of the attachment.
 *
 * @param networks The setting `networks.own`, undefined if it names nothing.
 */
export function resolveDirections(batch: FlowBatch, networks?: OwnNetworks): void {
  const { rows, traitsId, direction: directions, directionSource: sources } = batch
  const { loggedDirection } = batch.dictionaries.traits
  if (batch.dictionaries.observers.transit) {
    directions.fill(direction.unknown, 0, rows)
    sources.fill(directionSource.none, 0, rows)
    markPlainSides(batch, networks)
    return
  }
  let undecided = 0
  for (let row = 0; row < rows; row++) {
    const logged = loggedDirection[traitsId[row]!]!
    directions[row] = logged
    sources[row] = logged !== 0 ? directionSource.logged : directionSource.none
    if (logged === 0) undecided++
  }
  if (undecided > 0) decideDirections(batch, networks)
  markPlainSides(batch, networks)
}

function decideDirections(batch: FlowBatch, networks: OwnNetworks | undefined): void {
  const { rows, observerId, direction: directions, directionSource: sources } = batch
  const { points } = batch.dictionaries.observers
  const source = batch.addressIds[0]!
  const destination = batch.addressIds[1]!
  evidence.weigh(batch, networks)
  for (let row = 0; row < rows; row++) {
    if (sources[row] !== directionSource.none) continue
    const from = source[row]!
    const to = destination[row]!
    const observer = points[observerId[row]!]!
    if (from === 0 || to === 0 || from === to || observer === noSide) continue
    const named = networks === undefined ? 0 : namedSide(batch, row, observer, networks)
    const ours = named !== 0 ? named : observer < 0 ? guessedSide(batch, row, networks) : evidence.chosen[observer]!
    if (ours === 0 || (ours !== from && ours !== to)) continue
    directions[row] = ours === from ? direction.egress : direction.ingress
    if (named !== 0) sources[row] = directionSource.ownNetwork
    else {
      const isSure =
        observer >= 0 &&
        evidence.isSure(observer) &&
        ((batch.believedObservers[observer]! & belief.inferred) !== 0 || ours === privateSide(batch, row, networks))
      sources[row] = isSure ? directionSource.inferred : directionSource.inferredCount
    }
  }
}

/**
 * The side that own networks say is ours: the only one in a network of the VPC, else the only one in any network. What a network without `vpcs`
 * says of IPv4 must be what the block says, too; of a record without an observation point, the other side must be public.
 *
 * @returns Its address id, 0 for none.
 */
function namedSide(batch: FlowBatch, row: number, observer: number, networks: OwnNetworks): number {
  const { flags, family } = batch.dictionaries.addresses.current
  const context = batch.observerId[row]!
  const a = batch.addressIds[0]![row]!
  const b = batch.addressIds[1]![row]!
  const from = networks.levelOf(batch.dictionaries, context, a)
  const to = networks.levelOf(batch.dictionaries, context, b)
  if (from === to) return 0
  const ours = from > to ? a : b
  const far = from > to ? b : a
  if ((flags[ours]! & nobody) !== 0) return 0
  const isV4 = family[a] === 4 && family[b] === 4
  if (from === vpcLevel || to === vpcLevel)
    return isV4 && observer >= 0 && (evidence.namesSeveral(observer) || evidence.disputes(observer, ours)) ? 0 : ours
  if (from !== 0 && to !== 0) return 0
  const isFarNobody = (flags[far]! & nobody) !== 0
  if (!isV4) return observer >= 0 && !isFarNobody && evidence.doubtsIpv6(observer) ? 0 : ours
  if (observer < 0) return canBePeer(flags[far]!) ? 0 : ours
  if (isFarNobody) return evidence.disputes(observer, ours) ? 0 : ours
  return evidence.chosen[observer] === ours ? ours : 0
}

/**
 * Sides that are not annotated: the interface's own addresses, whatever their range, and what is in own networks. Few blocks have any. Also where
 * the direction is logged, a gateway without a side of its own has the peer there.
 */
function markPlainSides(batch: FlowBatch, networks: OwnNetworks | undefined): void {
  const { rows, observerId, direction: directions } = batch
  const { observers, addresses } = batch.dictionaries
  const { flags } = addresses.current
  const [source, destination, packetSource, packetDestination] = batch.addressIds as [Int32Array, Int32Array, Int32Array, Int32Array]
  for (let row = 0; row < rows; row++) {
    const way = directions[row]!
    const isEgress = way === direction.egress
    const own = isEgress ? source[row]! : destination[row]!
    const packet = isEgress ? packetSource[row]! : packetDestination[row]!
    let sides = 0
    const isPublicOwn = way !== direction.unknown && (flags[own]! & addressFlag.special) === 0 && own !== 0
    if (
      isPublicOwn &&
      observers.points[observerId[row]!] !== noSide &&
      (packet === 0 || packet === own || isOfSubnet(addresses.current, packet, own))
    )
      sides = isEgress ? plainSide.source : plainSide.destination
    if (networks !== undefined) sides |= ownSides(batch, row, networks)
    if (sides === 0 && !batch.hasPlainSides) continue
    if (!batch.hasPlainSides) batch.plainSides.fill(0, 0, rows)
    batch.hasPlainSides = true
    batch.plainSides[row] = sides
  }
}

function ownSides(batch: FlowBatch, row: number, networks: OwnNetworks): number {
  return (
    (isOwn(batch, row, batch.trueSource(row), networks) ? plainSide.source : 0) |
    (isOwn(batch, row, batch.trueDestination(row), networks) ? plainSide.destination : 0)
  )
}

const isOwn = (batch: FlowBatch, row: number, address: number, networks: OwnNetworks): boolean =>
  address !== 0 && networks.levelOf(batch.dictionaries, batch.observerId[row]!, address) > 0
