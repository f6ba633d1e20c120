/** Instances that forward packets of others (firewalls, routers, NAT instances), told from those with secondary and pod addresses, block by block. */
import type { OwnNetworks } from './own-networks.ts'
import type { AddressGeneration } from './parse/address-dictionary.ts'
import { addressFlag } from './parse/address-text.ts'
import { direction, directionSource, type FlowBatch } from './parse/flow-batch.ts'
import { grow, PairTable } from './parse/pair-table.ts'

/** True where two IPv4 addresses can be of one subnet, which is a /16 at most. */
export const isOfSubnet = ({ family, number }: AddressGeneration, a: number, b: number): boolean =>
  family[a] === 4 && family[b] === 4 && number[a]! >>> 16 === number[b]! >>> 16

/**
 * Collects the rows of a block whose own side has another packet address, then finds the instances with one address on both sides: what an
 * instance holds itself does not reach it as a far address.
 */
export class Forwarders {
  /** Rows, and the packet address of each; only the first `count` count. */
  rows = new Int32Array(256)
  packets = new Int32Array(256)
  count = 0
  /** (instance, packet address of its own side). */
  readonly #own = new PairTable()
  /** Instances by their number: 1 has packet addresses, 2 forwards. */
  #instances = new Uint8Array(64)

  /** Starts a block. */
  begin(): void {
    if (this.count === 0) return
    this.count = 0
    this.#own.clear()
    this.#instances.fill(0)
  }

  /** True where the packet address of a row's own side can be a secondary or pod address of the interface. */
  canHold(batch: FlowBatch, row: number, local: number, packet: number, networks: OwnNetworks | undefined): boolean {
    const { contexts, addresses } = batch.dictionaries
    const { flags } = addresses.current
    const context = batch.contextId[row]!
    if (contexts.instances[context]! < 0 || (flags[packet]! & addressFlag.nobody) !== 0) return false
    if ((flags[packet]! & addressFlag.private) !== 0) return true
    if (networks !== undefined && networks.levelOf(batch.dictionaries, context, packet) > 0) return true
    return (flags[local]! & addressFlag.private) === 0 && isOfSubnet(addresses.current, packet, local)
  }

  /** Notes such a row. */
  note(batch: FlowBatch, row: number, packet: number): void {
    if (this.count === this.rows.length) {
      this.rows = grow(this.rows, 2 * this.count)
      this.packets = grow(this.packets, 2 * this.count)
    }
    this.rows[this.count] = row
    this.packets[this.count++] = packet
    const instance = batch.dictionaries.contexts.instances[batch.contextId[row]!]!
    if (instance >= this.#instances.length) {
      const longer = new Uint8Array(2 * instance)
      longer.set(this.#instances)
      this.#instances = longer
    }
    this.#instances[instance] = 1
    this.#own.idOf(instance, packet)
  }

  /** Goes over the far sides of the block, and over both sides of rows whose direction is not believed. Wrong times do not matter here. */
  findFar(batch: FlowBatch): void {
    const { rows, contextId, direction: directions, directionSource: sources, believedObservers } = batch
    const { instances: numbers, observers } = batch.dictionaries.contexts
    const [source, destination, packetSource, packetDestination] = batch.addressIds as [Int32Array, Int32Array, Int32Array, Int32Array]
    const instances = this.#instances
    for (let row = 0; row < rows; row++) {
      const context = contextId[row]!
      const instance = numbers[context]!
      if (instance < 0 || instances[instance] !== 1) continue
      const from = sources[row]!
      const isBelieved = from === directionSource.inferred ? believedObservers[observers[context]!] === 1 : from !== directionSource.none && from !== directionSource.inferredCount // prettier-ignore
      if (!isBelieved) {
        // on its own side AWS writes the interface's own address, so that a packet address that stands as an address is a far one, on either side
        if (this.#own.find(instance, source[row]!) >= 0 || this.#own.find(instance, destination[row]!) >= 0) instances[instance] = 2
        continue
      }
      const egress = directions[row] === direction.egress
      const far = egress ? destination[row]! : source[row]!
      const packet = egress ? packetDestination[row]! : packetSource[row]!
      if (this.#own.find(instance, far) >= 0 || (packet !== far && this.#own.find(instance, packet) >= 0)) instances[instance] = 2
    }
  }

  /** True where the instance of a row forwards, after `findFar`. */
  forwards(batch: FlowBatch, row: number): boolean {
    return this.#instances[batch.dictionaries.contexts.instances[batch.contextId[row]!]!] === 2
  }
}
