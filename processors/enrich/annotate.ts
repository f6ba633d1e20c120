/** What is known beyond the log: once per distinct address, and per row for what depends on both ports. */
import type { LookupSet } from './lookups/lookup-set.ts'
import { tcpServices, udpServices } from './lookups/service-names.ts'
import { attributeLookups } from '../../flow/attributes.ts'
import { addressFlag } from '../../flow/address-text.ts'
import type { AddressGeneration } from '../../flow/address-dictionary.ts'
import { serviceRule } from '../../flow/traits-dictionary.ts'
import { servicePortSource, type FlowBatch } from '../../flow/flow-batch.ts'

/**
 * Looks up the addresses that are new since the last call. Private and other special addresses are never looked up.
 *
 * @param addresses Current generation of the address dictionary; its columns `looked` are filled.
 */
export function annotateAddresses(addresses: AddressGeneration, tables: LookupSet): void {
  for (let id = addresses.annotatedTo + 1; id <= addresses.count; id++) {
    if (addresses.annotated[id] === 1) continue
    addresses.annotated[id] = 1
    const isSpecial = (addresses.flags[id]! & addressFlag.special) !== 0
    const isV4 = addresses.family[id] === 4
    const v4 = addresses.number[id]! >>> 0
    const words = isV4 ? undefined : addresses.wordsOf(id)
    for (let i = 0; i < attributeLookups.length; i++) {
      const table = isSpecial ? undefined : tables.ranges[attributeLookups[i]!]
      const found = table === undefined ? -1 : words === undefined ? table.find4(v4) : table.find6(words)
      // entry 0 is what an address has that the table does not list
      addresses.looked[i]![id] = found < 0 && table !== undefined ? 0 : found
    }
  }
  addresses.annotatedTo = addresses.count
}

/**
 * Finds the service port of each row. TCP flags say it where they can: SYN without ACK was sent to the service, SYN with ACK by it. Else, of the
 * two ports, the one with a known name if exactly one has, else the lower one; none for protocols without ports. Fills `servicePort`,
 * `servicePortSource` and `serviceId`.
 */
export function annotateServices(batch: FlowBatch): void {
  const { rows, traitsId, servicePort, servicePortSource: sources, serviceId } = batch
  const { serviceRule: rules } = batch.dictionaries.traits
  const source = batch.ports[0]!
  const destination = batch.ports[1]!
  for (let row = 0; row < rows; row++) {
    const rule = rules[traitsId[row]!]!
    const a = source[row]!
    const b = destination[row]!
    const names = rule === serviceRule.inferredUdp ? udpServices : tcpServices
    let port = -1
    let from: number = servicePortSource.none
    if (rule === serviceRule.destination || rule === serviceRule.source) {
      port = rule === serviceRule.destination ? b : a
      if (port >= 0) from = servicePortSource.tcpFlags
    } else if (rule !== serviceRule.none) {
      if (a < 0 || b < 0) port = a < 0 ? b : a
      else {
        const knowsA = names[a] !== 0
        port = knowsA !== (names[b] !== 0) ? (knowsA ? a : b) : a < b ? a : b
      }
      if (port >= 0) from = servicePortSource.inferred
    }
    servicePort[row] = port
    sources[row] = from
    serviceId[row] = port < 0 ? 0 : names[port]!
  }
}
