/** Flow batches as plain objects: for tests and the eye, never on the hot path. */
import type { FlowRecord } from '../../schemas/flow-record.ts'
import type { LookupSet } from './lookups/lookup-set.ts'
import { protocolName, tcpFlagNames } from './lookups/protocol-names.ts'
import { serviceNames } from './lookups/service-names.ts'
import { timeKeptOf, timeSourceOf } from './times.ts'
import { directionSource, plainSide, type FlowBatch } from './parse/flow-batch.ts'

const directions = ['unknown', 'ingress', 'egress'] as const
const directionSources = ['none', 'logged', 'inferred', 'inferred_count', 'inferred'] as const
const servicePortSources = [null, 'tcp_flags', 'inferred'] as const

const present = (value: number): number | null => (value < 0 ? null : value)

/**
 * The rows of an annotated batch as the values of the `flows` topic.
 *
 * @param tables The tables it was annotated with.
 * @param objectId Id of the object version, 8 bytes.
 */
export function rowsOf(batch: FlowBatch, tables: LookupSet, objectId: Buffer): FlowRecord[] {
  const { contexts, classes, nextHops, extras, addresses } = batch.dictionaries
  const { current } = addresses
  const text = (id: number): string | null => (id < 0 ? null : tables.texts.texts[id]!)
  const endpoint = (
    address: number,
    packet: number,
    isPlain: boolean,
  ): [string | null, string | null, string | null, number | null, string | null, string | null, string | null] => {
    const end = packet || address
    if (isPlain) return [current.textOf(address), current.textOf(packet), null, null, null, null, null]
    const asn = current.asn[end]!
    return [
      current.textOf(address),
      current.textOf(packet),
      text(current.country[end]!),
      asn < 0 ? null : tables.asnNumbers[asn]!,
      asn < 0 ? null : text(tables.asnOrgs[asn]!),
      text(current.threat[end]!),
      text(current.service[end]!),
    ]
  }
  return Array.from({ length: batch.rows }, (_, row) => {
    const plain = batch.hasPlainSides ? batch.plainSides[row]! : 0
    const [srcAddr, pktSrcAddr, srcCountry, srcAsn, srcAsOrg, srcThreat, srcAwsService] = endpoint(
      batch.addressIds[0]![row]!,
      batch.addressIds[2]![row]!,
      (plain & plainSide.source) !== 0,
    )
    const [dstAddr, pktDstAddr, dstCountry, dstAsn, dstAsOrg, dstThreat, dstAwsService] = endpoint(
      batch.addressIds[1]![row]!,
      batch.addressIds[3]![row]!,
      (plain & plainSide.destination) !== 0,
    )
    const values = classes.values[batch.classId[row]!]!
    const [noRoute, blackhole, mtuExceeded, ttlExpired] = batch.numbers.slice(4).map(column => present(column[row]!)) as [
      number | null,
      number | null,
      number | null,
      number | null,
    ]
    const packetsLost = { noRoute, blackhole, mtuExceeded, ttlExpired }
    return {
      ...contexts.values[batch.contextId[row]!]!,
      ...{ srcAddr, pktSrcAddr, srcCountry, srcAsn, srcAsOrg, srcThreat, srcAwsService },
      ...{ dstAddr, pktDstAddr, dstCountry, dstAsn, dstAsOrg, dstThreat, dstAwsService },
      ...values,
      protocolName: protocolName(values.protocol),
      tcpFlagNames: tcpFlagNames(values.tcpFlags),
      direction: directions[batch.direction[row]!]!,
      directionSource: directionSources[batch.directionSource[row]!]!,
      directionBy: batch.directionSource[row] === directionSource.ownNetwork ? 'own_network' : null,
      nextHop: nextHops.values[batch.nextHopId[row]!] ?? null,
      srcPort: present(batch.ports[0]![row]!),
      dstPort: present(batch.ports[1]![row]!),
      packets: present(batch.numbers[0]![row]!),
      bytes: present(batch.numbers[1]![row]!),
      start: batch.numbers[2]![row]!,
      end: batch.numbers[3]![row]!,
      timeSource: timeSourceOf(batch.timeSource[row]!),
      timeKept: timeKeptOf(batch.timeSource[row]!),
      packetsLost: Object.values(packetsLost).every(value => value === null) ? null : packetsLost,
      servicePort: present(batch.servicePort[row]!),
      servicePortSource: servicePortSources[batch.servicePortSource[row]!] ?? null,
      serviceName: batch.serviceId[row] === 0 ? null : serviceNames[batch.serviceId[row]!]!,
      objectId,
      line: batch.line[row]!,
      extra: extras.values[batch.extraId[row]!] ?? null,
    }
  })
}
