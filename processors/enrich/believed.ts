/** Whether what is known of a row's direction is enough to teach who holds its addresses. */
import { canBePeer } from './direction-evidence.ts'
import { vpcLevel, type OwnNetworks } from './own-networks.ts'
import { belief, direction, directionSource, type FlowBatch } from '../../flow/flow-batch.ts'

/**
 * True for a direction that is logged, inferred and proven by the block, or said by own networks: by one of the VPC, or against a side that no
 * interface of ours can have. Against another private side a network without `vpcs` teaches only what the block says, too: the record may be
 * that of an interface in a VPC that is not named.
 *
 * @param networks The setting `networks.own`, undefined if it names nothing.
 */
export function isBelieved(batch: FlowBatch, row: number, networks: OwnNetworks | undefined): boolean {
  const by = batch.directionSource[row]!
  if (by === directionSource.logged) return true
  if (by === directionSource.none || by === directionSource.inferredCount) return false
  const context = batch.observerId[row]!
  const { observers, addresses } = batch.dictionaries
  const proven = batch.believedObservers[observers.points[context]!]!
  if (by === directionSource.inferred) return (proven & belief.inferred) !== 0
  const egress = batch.direction[row] === direction.egress
  const own = batch.addressIds[egress ? 0 : 1]![row]!
  const far = batch.addressIds[egress ? 1 : 0]![row]!
  const { flags, family } = addresses.current
  if (!canBePeer(flags[far]!) || networks?.levelOf(batch.dictionaries, context, own) === vpcLevel) return true
  return family[own] === 4 && family[far] === 4 && (proven & belief.network) !== 0
}
