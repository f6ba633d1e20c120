/** What is known beyond the log: once per distinct address, and per row for what depends on both ports. */
import type { LookupSet } from './lookups/lookup-set.ts'
import { tcpServices, udpServices } from './lookups/service-names.ts'
import { addressFlag } from './parse/address-text.ts'
import type { AddressGeneration } from './parse/address-dictionary.ts'
import type { FlowBatch } from './parse/flow-batch.ts'

/** Protocols that have ports: TCP, UDP, DCCP, SCTP. */
const tcp = 6
const udp = 17
const dccp = 33
const sctp = 132

/**
 * Looks up the addresses that are new since the last call. Private and other special addresses are never looked up.
 *
 * @param addresses Current generation of the address dictionary; its annotation columns are filled.
 */
export function annotateAddresses(addresses: AddressGeneration, tables: LookupSet): void {
  for (let id = addresses.annotatedTo + 1; id <= addresses.count; id++) {
    if (addresses.annotated[id] === 1) continue
    addresses.annotated[id] = 1
    addresses.country[id] = -1
    addresses.asn[id] = -1
    addresses.threat[id] = -1
    addresses.service[id] = -1
    if ((addresses.flags[id]! & addressFlag.special) !== 0) continue
    const isV4 = addresses.family[id] === 4
    const v4 = addresses.number[id]! >>> 0
    const words = isV4 ? undefined : addresses.wordsOf(id)
    const find = (table: LookupSet['country']): number =>
      table === undefined ? -1 : words === undefined ? table.find4(v4) : table.find6(words)
    addresses.country[id] = find(tables.country)
    addresses.asn[id] = find(tables.asn)
    addresses.service[id] = find(tables.aws)
    if (tables.threats !== undefined) addresses.threat[id] = Math.max(0, find(tables.threats))
  }
  addresses.annotatedTo = addresses.count
}

/**
 * Finds the service port of each row: of the two ports the one with a known name if exactly one has, else the lower one; none for protocols
 * without ports. Fills `servicePort` and `serviceId`.
 */
export function annotateServices(batch: FlowBatch): void {
  const { rows, classId, servicePort, serviceId } = batch
  const { protocol } = batch.dictionaries.classes
  const source = batch.ports[0]!
  const destination = batch.ports[1]!
  for (let row = 0; row < rows; row++) {
    const number = protocol[classId[row]!]!
    let port = -1
    let id = 0
    if (number === tcp || number === udp || number === sctp || number === dccp) {
      const names = number === udp ? udpServices : tcpServices
      const a = source[row]!
      const b = destination[row]!
      if (a < 0 || b < 0) port = a < 0 ? b : a
      else {
        const knowsA = names[a] !== 0
        port = knowsA !== (names[b] !== 0) ? (knowsA ? a : b) : a < b ? a : b
      }
      if (port >= 0) id = names[port]!
    }
    servicePort[row] = port
    serviceId[row] = id
  }
}
