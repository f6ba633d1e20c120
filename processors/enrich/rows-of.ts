/** Flow batches as plain objects: for tests and the eye, never on the hot path. */
import type { FlowRecord } from '../../schemas/flow-record.ts'
import { attributeRows, attributeSources } from '../../flow/attributes.ts'
import { lostCounters, lostGroup, numberPlace, optionalNumbers } from '../../flow/numbers.ts'
import { attributeValue, type LookupSet } from './lookups/lookup-set.ts'
import { protocolName, tcpFlagNames } from './lookups/protocol-names.ts'
import { serviceNames } from './lookups/service-names.ts'
import { timeKeptOf, timeSourceOf } from './times.ts'
import { directionSource, plainSide, type FlowBatch } from '../../flow/flow-batch.ts'

const directions = ['unknown', 'ingress', 'egress'] as const
const directionSources = ['none', 'logged', 'inferred', 'inferred_count', 'inferred'] as const
const servicePortSources = [null, 'tcp_flags', 'inferred'] as const

const present = (value: number): number | null => (value < 0 ? null : value)

/** Two addresses of a side and its attributes, by name in the record. */
function endpointOf(batch: FlowBatch, tables: LookupSet, row: number, side: number): Record<string, string | number | null> {
  const { current } = batch.dictionaries.addresses
  const [name, Name] = side === 0 ? ['src', 'Src'] : ['dst', 'Dst']
  const address = batch.addressIds[side]![row]!
  const packet = batch.addressIds[side + 2]![row]!
  const plain = batch.hasPlainSides ? batch.plainSides[row]! : 0
  const isPlain = (plain & (side === 0 ? plainSide.source : plainSide.destination)) !== 0
  const values: Record<string, string | number | null> = {
    [`${name}Addr`]: current.textOf(address),
    [`pkt${Name}Addr`]: current.textOf(packet),
  }
  attributeRows.forEach((attribute, i) => {
    const value = isPlain ? -1 : attributeValue(tables, i, current.looked[attributeSources[i]!]![packet || address]!)
    values[`${name}${attribute.name}`] = value < 0 ? null : attribute.type === 'string' ? tables.texts.texts[value]! : value
  })
  return values
}

/** Values of the group of lost packets; null if there are none. */
function lostOf(batch: FlowBatch, row: number): Record<string, number | null> | null {
  const values = lostCounters.map(
    ({ record }, i) => [record.slice(lostGroup.length + 1), present(batch.numbers[numberPlace.lost + i]![row]!)] as const,
  )
  return values.every(([, value]) => value === null) ? null : Object.fromEntries(values)
}

/**
 * The rows of an annotated batch as the values of the `flows` topic.
 *
 * @param tables The tables it was annotated with.
 * @param objectId Id of the object version, 8 bytes.
 */
export function rowsOf(batch: FlowBatch, tables: LookupSet, objectId: Buffer): FlowRecord[] {
  const { observers, traits, nextHops, extras } = batch.dictionaries
  const number = (place: number, row: number): number | null => present(batch.numbers[place]![row]!)
  return Array.from({ length: batch.rows }, (_, row) => {
    const values = traits.values[batch.traitsId[row]!]!
    const optional = optionalNumbers.map(({ record }, i) => [record, number(numberPlace.optional + i, row)])
    return {
      ...observers.values[batch.observerId[row]!]!,
      ...endpointOf(batch, tables, row, 0),
      ...endpointOf(batch, tables, row, 1),
      ...values,
      protocolName: protocolName(values.protocol),
      tcpFlagNames: tcpFlagNames(values.tcpFlags),
      direction: directions[batch.direction[row]!]!,
      directionSource: directionSources[batch.directionSource[row]!]!,
      directionBy: batch.directionSource[row] === directionSource.ownNetwork ? 'own_network' : null,
      nextHop: nextHops.values[batch.nextHopId[row]!] ?? null,
      srcPort: present(batch.ports[0]![row]!),
      dstPort: present(batch.ports[1]![row]!),
      packets: number(numberPlace.packets, row),
      bytes: number(numberPlace.bytes, row),
      start: batch.numbers[numberPlace.start]![row]!,
      end: batch.numbers[numberPlace.end]![row]!,
      timeSource: timeSourceOf(batch.timeSource[row]!),
      timeKept: timeKeptOf(batch.timeSource[row]!),
      ...Object.fromEntries(optional),
      packetsLost: lostOf(batch, row),
      servicePort: present(batch.servicePort[row]!),
      servicePortSource: servicePortSources[batch.servicePortSource[row]!] ?? null,
      serviceName: batch.serviceId[row] === 0 ? null : serviceNames[batch.serviceId[row]!]!,
      objectId,
      line: batch.line[row]!,
      extra: extras.values[batch.extraId[row]!] ?? null,
    } as FlowRecord
  })
}
