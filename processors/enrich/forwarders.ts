/** Instances that forward packets of others (firewalls, routers, NAT instances), told from those with secondary and pod addresses, block by block. */
import { vpcLevel, type OwnNetworks } from './own-networks.ts'
import { isBelieved } from './believed.ts'
import type { AddressGeneration } from '../../flow/address-dictionary.ts'
import { addressFlag } from '../../flow/address-text.ts'
import { direction, type FlowBatch } from '../../flow/flow-batch.ts'
import { PairTable } from '../../flow/pair-table.ts'
import { grow } from '../../flow/typed-arrays.ts'

/** True if two IPv4 addresses can be of one subnet, which is a /16 at most. */
export const isOfSubnet = ({ family, number }: AddressGeneration, a: number, b: number): boolean =>
  family[a] === 4 && family[b] === 4 && number[a]! >>> 16 === number[b]! >>> 16

/** What a packet address of an instance's own side is, as far as the block says. */
export const packetAddress = {
  /** A secondary or pod address. */
  held: 0,
  /** It stands on the far side of the instance, too: the instance forwards it, or two of its pods talk to each other by way of the network. */
  passed: 1,
  /** Another address does so: of an instance that forwards, this may be one whose other records are in another block. */
  unclear: 2,
} as const

/**
 * Collects the rows of a block whose own side has another packet address, then finds the addresses that stand on both sides of an instance: what
 * an instance holds itself does not reach it as a far address.
 */
export class Forwarders {
  /** Rows, and the packet address of each; only the first `count` count. */
  rows = new Int32Array(256)
  packets = new Int32Array(256)
  count = 0
  /** (instance, packet address of its own side). */
  readonly #own = new PairTable()
  /** By id of the pair: 1 stands on the far side of the instance, too. */
  #passed = new Uint8Array(64)
  /** Instances by their number: 1 has packet addresses, 2 forwards. */
  #instances = new Uint8Array(64)

  /** Starts a block. */
  begin(): void {
    if (this.count === 0) return
    this.count = 0
    this.#own.clear()
    this.#passed.fill(0)
    this.#instances.fill(0)
  }

  /** True if the packet address of a row's own side can be a secondary or pod address of the interface. */
  canHold(batch: FlowBatch, row: number, local: number, packet: number, networks: OwnNetworks | undefined): boolean {
    const { observers, addresses } = batch.dictionaries
    const { flags } = addresses.current
    const context = batch.observerId[row]!
    if (observers.instances[context]! < 0 || (flags[packet]! & addressFlag.nobody) !== 0) return false
    if ((flags[packet]! & addressFlag.private) !== 0) return true
    const level = networks === undefined ? 0 : networks.levelOf(batch.dictionaries, context, packet)
    if (level === vpcLevel || (level > 0 && networks!.levelOf(batch.dictionaries, context, local) > 0)) return true
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
    const instance = batch.dictionaries.observers.instances[batch.observerId[row]!]!
    if (instance >= this.#instances.length) this.#instances = longer(this.#instances, 2 * instance)
    this.#instances[instance] = 1
    const pair = this.#own.idOf(instance, packet)
    if (pair >= this.#passed.length) this.#passed = longer(this.#passed, 2 * pair)
  }

  /** Goes over the far sides of the block, and over both sides of rows whose direction is not believed. Wrong times do not matter here. */
  findFar(batch: FlowBatch, networks: OwnNetworks | undefined): void {
    const { rows, observerId, direction: directions } = batch
    const { instances: numbers } = batch.dictionaries.observers
    const [source, destination, packetSource, packetDestination] = batch.addressIds as [Int32Array, Int32Array, Int32Array, Int32Array]
    for (let row = 0; row < rows; row++) {
      const instance = numbers[observerId[row]!]!
      if (instance < 0 || this.#instances[instance] === 0) continue
      const egress = directions[row] === direction.egress
      if (!isBelieved(batch, row, networks)) {
        // on its own side AWS writes the interface's own address, so that a packet address that stands as an address is a far one, on either side
        this.#pass(instance, source[row]!)
        this.#pass(instance, destination[row]!)
        continue
      }
      const far = egress ? destination[row]! : source[row]!
      const packet = egress ? packetDestination[row]! : packetSource[row]!
      this.#pass(instance, far)
      if (packet !== far) this.#pass(instance, packet)
    }
  }

  #pass(instance: number, far: number): void {
    const pair = this.#own.find(instance, far)
    if (pair < 0) return
    this.#passed[pair] = 1
    this.#instances[instance] = 2
  }

  /** What the packet address of a row's own side is (`packetAddress`), after `findFar`. */
  kindOf(batch: FlowBatch, row: number, packet: number): number {
    const instance = batch.dictionaries.observers.instances[batch.observerId[row]!]!
    if (this.#instances[instance] !== 2) return packetAddress.held
    return this.#passed[this.#own.find(instance, packet)] === 1 ? packetAddress.passed : packetAddress.unclear
  }
}

function longer(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length)
  copy.set(bytes)
  return copy
}
