/** Which side of a record is ours: ingress, the destination; egress, the source. */
import { addressFlag } from './parse/address-text.ts'
import { direction, directionSource, type FlowBatch } from './parse/flow-batch.ts'

/**
 * Decides direction and directionSource of each row: what the record says itself (version 5); else exactly one private address is ours
 * (`inferred`); else, within the block, the one address that stands in every record of that observation point and family
 * (`inferred_count`); else unknown. Nothing is inferred for a transit gateway: neither side of its records is its own, and each of its
 * attachments sees the traffic the other way round.
 */
export function resolveDirections(batch: FlowBatch): void {
  const { rows, classId, direction: directions, directionSource: sources } = batch
  const { classes, addresses } = batch.dictionaries
  const { flags } = addresses.current
  const { loggedDirection } = classes
  const { transit } = batch.dictionaries.contexts
  const source = batch.addressIds[0]!
  const destination = batch.addressIds[1]!
  let undecided = false
  for (let row = 0; row < rows; row++) {
    const logged = loggedDirection[classId[row]!]!
    if (logged !== 0) {
      directions[row] = logged
      sources[row] = directionSource.logged
      continue
    }
    const from = flags[source[row]!]! & addressFlag.private
    const to = flags[destination[row]!]! & addressFlag.private
    if (!transit && from !== to && source[row] !== 0 && destination[row] !== 0) {
      directions[row] = from !== 0 ? direction.egress : direction.ingress
      sources[row] = directionSource.inferred
    } else {
      directions[row] = direction.unknown
      sources[row] = directionSource.none
      undecided = true
    }
  }
  if (undecided && !transit) countDirections(batch)
}

/** Candidates of one observation point and family: the addresses that stood in every record so far; 0 for none. */
interface Candidates {
  first: number
  second: number
}

function countDirections(batch: FlowBatch): void {
  const { rows, contextId, direction: directions, directionSource: sources } = batch
  const { contexts, addresses } = batch.dictionaries
  const { family } = addresses.current
  const source = batch.addressIds[0]!
  const destination = batch.addressIds[1]!
  const points = new Map<number, Candidates>()
  const pointOf = (row: number): number => 2 * contexts.observers[contextId[row]!]! + (family[source[row]!] === 6 ? 1 : 0)
  for (let row = 0; row < rows; row++) {
    const a = source[row]!
    const b = destination[row]!
    if (a === 0 || b === 0) continue
    const point = points.get(pointOf(row))
    if (point === undefined) points.set(pointOf(row), { first: a, second: b })
    else {
      if (point.first !== a && point.first !== b) point.first = 0
      if (point.second !== a && point.second !== b) point.second = 0
    }
  }
  for (let row = 0; row < rows; row++) {
    if (sources[row] !== directionSource.none || source[row] === 0 || destination[row] === 0 || source[row] === destination[row]) continue
    const { first, second } = points.get(pointOf(row))!
    const ours = first === 0 || second === 0 ? first + second : 0
    if (ours === 0) continue
    directions[row] = ours === source[row] ? direction.egress : direction.ingress
    sources[row] = directionSource.inferredCount
  }
}
