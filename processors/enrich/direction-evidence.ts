/**
 * Whose records a block shows where the log does not say it: for each interface the one IPv4 address that stands in all of its records.
 *
 * AWS writes the primary private address of an interface on its side of every IPv4 record, so the address that all records share is the
 * interface's own. Of IPv6 an interface has many addresses, and no count says anything.
 */
import { addressFlag } from './parse/address-text.ts'
import { direction, directionSource, type FlowBatch } from './parse/flow-batch.ts'
import type { OwnNetworks } from './own-networks.ts'
import { grow, PairTable } from './parse/pair-table.ts'

/** What the records of an interface have shown so far. */
const seen = 1
/** Some record has one private address, and its other one is in no own network. */
const mixed = 2
/** The public addresses of such records have different first 16 bits: a subnet is a /16 at most, so they are not the interface's own. */
const spread = 4
/** Some record is between two private addresses: the interface has one of them, and its addresses are of one subnet. */
const bothPrivate = 8
/** The direction of some record is known. */
const decided = 16
const proof = spread | bothPrivate | decided

const { private: privateFlag, nobody } = addressFlag

/** True for a record between one private IPv4 address and one that is not, where no address is one that no interface can have. */
export function isMixed(batch: FlowBatch, row: number, networks: OwnNetworks | undefined): boolean {
  const { addresses } = batch.dictionaries
  const { flags, family } = addresses.current
  const a = batch.addressIds[0]![row]!
  const b = batch.addressIds[1]![row]!
  if (family[a] !== 4 || family[b] !== 4 || ((flags[a]! | flags[b]!) & nobody) !== 0) return false
  if (((flags[a]! ^ flags[b]!) & privateFlag) === 0) return false
  // where both are ours by the setting, being private says nothing
  return networks === undefined || networks.levelOf(batch.dictionaries, batch.contextId[row]!, a) === 0
}

/** The evidence of one block. One for a process: its columns, by number of the observer, are used again. */
class DirectionEvidence {
  /** Addresses that stand in every record so far, 0 for none. */
  #first = new Int32Array(64)
  #second = new Int32Array(64)
  #bits = new Uint8Array(64)
  #prefix = new Int32Array(64)
  #scope = new Int32Array(64)
  #touched = new Int32Array(64)
  #count = 0
  /** The interface's own address, 0 where the block does not tell. */
  chosen = new Int32Array(64)
  #claims = new PairTable()
  #certain = new Int32Array(64)
  #guessed = new Int32Array(64)

  /** Takes in a block and chooses; fills `batch.believedObservers`. */
  weigh(batch: FlowBatch, networks: OwnNetworks | undefined): void {
    this.#begin(batch.dictionaries.contexts.observerCount)
    for (let row = 0; row < batch.rows; row++) this.#take(batch, row, networks)
    if (batch.believedObservers.length < this.chosen.length) batch.believedObservers = new Uint8Array(this.chosen.length)
    const flags = batch.dictionaries.addresses.current.flags
    for (let i = 0; i < this.#count; i++) this.#choose(this.#touched[i]!, batch.believedObservers, flags)
    for (let i = 0; i < this.#count; i++) this.#veto(this.#touched[i]!, batch.believedObservers)
  }

  /** True if one address alone stands in every record of the interface: of one pair of addresses, which is ours is a guess. */
  isSure(observer: number): boolean {
    return this.#first[observer] === 0 || this.#second[observer] === 0
  }

  #begin(observers: number): void {
    const length = this.chosen.length
    if (observers > length) {
      this.#first = grow(this.#first, 2 * observers)
      this.#second = grow(this.#second, 2 * observers)
      this.#prefix = grow(this.#prefix, 2 * observers)
      this.#scope = grow(this.#scope, 2 * observers)
      this.#touched = grow(this.#touched, 2 * observers)
      this.chosen = new Int32Array(2 * observers)
      this.#certain = grow(this.#certain, 2 * observers)
      this.#guessed = grow(this.#guessed, 2 * observers)
      this.#bits = new Uint8Array(2 * observers)
    } else {
      this.#bits.fill(0)
      this.chosen.fill(0)
    }
    this.#count = 0
    this.#claims.clear()
  }

  #take(batch: FlowBatch, row: number, networks: OwnNetworks | undefined): void {
    const { contexts, addresses } = batch.dictionaries
    const { flags, family, number } = addresses.current
    const context = batch.contextId[row]!
    const observer = contexts.observers[context]!
    const a = batch.addressIds[0]![row]!
    const b = batch.addressIds[1]![row]!
    if (observer < 0 || a === b || family[a] !== 4 || family[b] !== 4 || ((flags[a]! | flags[b]!) & nobody) !== 0) return
    const isDecided = batch.directionSource[row] !== directionSource.none
    const own = batch.direction[row] === direction.egress ? a : b
    const x = isDecided ? own : a
    const y = isDecided ? own : b
    let bits = this.#bits[observer]!
    if (bits === 0) {
      this.#touched[this.#count++] = observer
      this.#scope[observer] = contexts.scopes[context]!
      this.#first[observer] = x
      this.#second[observer] = x === y ? 0 : y
    } else {
      if (this.#first[observer] !== x && this.#first[observer] !== y) this.#first[observer] = 0
      if (this.#second[observer] !== x && this.#second[observer] !== y) this.#second[observer] = 0
    }
    bits |= seen
    if (isDecided) bits |= decided
    else if ((flags[a]! & flags[b]! & privateFlag) !== 0) bits |= bothPrivate
    else if (isMixed(batch, row, networks)) {
      const prefix = number[(flags[a]! & privateFlag) !== 0 ? b : a]! >>> 16
      if ((bits & mixed) !== 0 && this.#prefix[observer] !== prefix) bits |= spread
      bits |= mixed
      this.#prefix[observer] = prefix
    }
    this.#bits[observer] = bits
  }

  #choose(observer: number, believed: Uint8Array, flags: Uint8Array): void {
    const bits = this.#bits[observer]!
    const x = this.#first[observer]!
    const y = this.#second[observer]!
    const isPair = x !== 0 && y !== 0
    // of one pair alone, which may well be of a network that is not private, the private address is a guess and teaches nothing
    const guess = (bits & mixed) === 0 ? 0 : (flags[x]! & privateFlag) !== 0 ? x : y
    const chosen = isPair ? guess : x || y
    this.chosen[observer] = chosen
    believed[observer] = !isPair && chosen !== 0 && (flags[chosen]! & privateFlag) !== 0 && (bits & proof) !== 0 ? 1 : 0
    if (chosen === 0) return
    const known = this.#claims.count
    const claim = this.#claims.idOf(this.#scope[observer]!, chosen)
    if (claim === known) this.#certain[claim] = this.#guessed[claim] = 0
    const claims = isPair ? this.#guessed : this.#certain
    claims[claim]!++
  }

  /** An address is of one interface: two that claim it contradict each other, and a guess contradicts what is certain. */
  #veto(observer: number, believed: Uint8Array): void {
    const chosen = this.chosen[observer]!
    if (chosen === 0) return
    const claim = this.#claims.idOf(this.#scope[observer]!, chosen)
    const isGuess = this.#first[observer] !== 0 && this.#second[observer] !== 0
    const others = this.#certain[claim]! + (isGuess ? this.#guessed[claim]! : 0) - 1
    if (others === 0) return
    this.chosen[observer] = 0
    believed[observer] = 0
  }
}

/** The evidence of the block that is being read: like the parser's memory, there is one in a process. */
export const evidence = new DirectionEvidence()
