/**
 * Whose records a block shows where the log does not say it: for each interface the one IPv4 address that stands in all of its records.
 *
 * AWS writes the primary private address of an interface on its side of every IPv4 record, so the address that all records share is the
 * interface's own. Of IPv6 an interface has many addresses, and no count says anything.
 *
 * What `networks.own` claims is held against that: a claim of a network without `vpcs` counts only as far as nothing in the block contradicts it.
 */
import { addressFlag } from '../../flow/address-text.ts'
import { belief, direction, directionSource, type FlowBatch } from '../../flow/flow-batch.ts'
import { vpcLevel, type OwnNetworks } from './own-networks.ts'
import { PairTable } from '../../flow/pair-table.ts'
import { grow } from '../../flow/typed-arrays.ts'

/** What the records of an interface have shown so far. */
const seen = 1
/** Some record has one private address, and none of its two is in own networks. */
const mixed = 2
/** The public addresses of such records have different first 16 bits: a subnet is a /16 at most, so they are not the interface's own. */
const spread = 4
/** Some record is between two private addresses: the interface has one of them, and its addresses are of one subnet. */
const bothPrivate = 8
/** The direction of some record is logged, or a network of the VPC names the address that all records share. */
const decided = 16
const proof = spread | bothPrivate | decided

/** What the interfaces of a scope have shown: one has a public address, one has an address outside of own networks. */
const publicOwn = 1
const outsideOwn = 2

/** More than one address. */
const several = -1

const { private: privateFlag, nobody } = addressFlag

/** True if a flagged address can be that of an interface in a VPC that nobody has to name: private, and not one that no interface has. */
export const canBePeer = (flags: number): boolean => (flags & (privateFlag | nobody)) === privateFlag

/** True for an address of 100.64.0.0/10: pods and carriers use it behind interfaces of any range, so that it says nothing about whose side it is. */
const isShared = (v4: number): boolean => v4 >>> 22 === 0x191

/**
 * The side that being private alone makes the likely own one: of two IPv4 addresses in no own network the one of RFC 1918, if the other is public.
 *
 * @returns Its address id, 0 for none.
 */
export function privateSide(batch: FlowBatch, row: number, networks: OwnNetworks | undefined): number {
  const a = batch.addressIds[0]![row]!
  if (!isMixed(batch, row, networks)) return 0
  return (batch.dictionaries.addresses.current.flags[a]! & privateFlag) !== 0 ? a : batch.addressIds[1]![row]!
}

/** As `privateSide`, for a record of which nothing else is known: an address of 100.64.0.0/10 is none. */
export function guessedSide(batch: FlowBatch, row: number, networks: OwnNetworks | undefined): number {
  const side = privateSide(batch, row, networks)
  return isShared(batch.dictionaries.addresses.current.number[side]!) ? 0 : side
}

function isMixed(batch: FlowBatch, row: number, networks: OwnNetworks | undefined): boolean {
  const { flags, family } = batch.dictionaries.addresses.current
  const a = batch.addressIds[0]![row]!
  const b = batch.addressIds[1]![row]!
  if (family[a] !== 4 || family[b] !== 4 || ((flags[a]! | flags[b]!) & nobody) !== 0) return false
  if (((flags[a]! ^ flags[b]!) & privateFlag) === 0) return false
  if (networks === undefined) return true
  const context = batch.observerId[row]!
  return networks.levelOf(batch.dictionaries, context, a) === 0 && networks.levelOf(batch.dictionaries, context, b) === 0
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
  /** The address that a network of the VPC claims against one that it does not; `several`, 0 for none. */
  #named = new Int32Array(64)
  /** The address that a network without `vpcs` claims against one in no network; `several`, 0 for none. */
  #general = new Int32Array(64)
  /** Of IPv6 records, what such a network claims, and the other sides. */
  #general6 = new Int32Array(64)
  #far6 = new Int32Array(64)
  /** The interface's own address, 0 where the block does not tell. */
  chosen = new Int32Array(64)
  #claims = new PairTable()
  #certain = new Int32Array(64)
  #guessed = new Int32Array(64)
  /** By number of the scope plus one. */
  #scopes = new Uint8Array(64)

  /** Takes in a block and chooses; fills `batch.believedObservers`. */
  weigh(batch: FlowBatch, networks: OwnNetworks | undefined): void {
    this.#begin(batch.dictionaries.observers.pointCount)
    for (let row = 0; row < batch.rows; row++) this.#take(batch, row, networks)
    if (batch.believedObservers.length < this.chosen.length) batch.believedObservers = new Uint8Array(this.chosen.length)
    const { flags, number } = batch.dictionaries.addresses.current
    for (let i = 0; i < this.#count; i++) this.#choose(this.#touched[i]!, batch.believedObservers, flags, number)
    for (let i = 0; i < this.#count; i++) this.#veto(this.#touched[i]!, batch.believedObservers)
  }

  /** True if one address alone stands in every IPv4 record of the interface: of one pair of addresses, which is ours is a guess. */
  isSure(observer: number): boolean {
    return this.#certainOf(observer) !== 0
  }

  /** True if networks of the VPC name several own IPv4 addresses of an interface, which has one: they name its peers, too. */
  namesSeveral(observer: number): boolean {
    return this.#named[observer] === several
  }

  /** True if another address than the claimed one stands in all records of an interface. */
  disputes(observer: number, claimed: number): boolean {
    const certain = this.#certainOf(observer)
    return certain !== 0 && certain !== claimed
  }

  /** True if networks without `vpcs` claim several IPv6 addresses of an interface that all have one peer: it may well be the other way round. */
  doubtsIpv6(observer: number): boolean {
    return this.#general6[observer] === several && this.#far6[observer] !== several
  }

  /** The one address in all IPv4 records, 0 if there are two or none. */
  #certainOf(observer: number): number {
    const x = this.#first[observer]!
    const y = this.#second[observer]!
    return x !== 0 && y !== 0 ? 0 : x || y
  }

  #begin(observers: number): void {
    const length = this.chosen.length
    if (observers > length) {
      const longer = (): Int32Array<ArrayBuffer> => new Int32Array(2 * observers)
      this.#first = longer()
      this.#second = longer()
      this.#prefix = longer()
      this.#scope = longer()
      this.#touched = longer()
      this.#named = longer()
      this.#general = longer()
      this.#general6 = longer()
      this.#far6 = longer()
      this.chosen = longer()
      this.#certain = grow(this.#certain, 2 * observers)
      this.#guessed = grow(this.#guessed, 2 * observers)
      this.#bits = new Uint8Array(2 * observers)
    } else {
      this.#bits.fill(0)
      this.chosen.fill(0)
      this.#first.fill(0)
      this.#second.fill(0)
      this.#named.fill(0)
      this.#general.fill(0)
      this.#general6.fill(0)
      this.#far6.fill(0)
    }
    this.#scopes.fill(0)
    this.#count = 0
    this.#claims.clear()
  }

  #take(batch: FlowBatch, row: number, networks: OwnNetworks | undefined): void {
    const { observers, addresses } = batch.dictionaries
    const { flags, family, number } = addresses.current
    const context = batch.observerId[row]!
    const observer = observers.points[context]!
    const a = batch.addressIds[0]![row]!
    const b = batch.addressIds[1]![row]!
    if (observer < 0 || a === b || a === 0 || b === 0) return
    const isDecided = batch.directionSource[row] !== directionSource.none
    const from = networks === undefined || isDecided ? 0 : networks.levelOf(batch.dictionaries, context, a)
    const to = networks === undefined || isDecided ? 0 : networks.levelOf(batch.dictionaries, context, b)
    if (((flags[a]! | flags[b]!) & nobody) !== 0) return
    if (family[a] === 6 && family[b] === 6 && from !== to && Math.min(from, to) === 0 && Math.max(from, to) < vpcLevel) {
      this.#general6[observer] = withAddress(this.#general6[observer]!, from > to ? a : b)
      this.#far6[observer] = withAddress(this.#far6[observer]!, from > to ? b : a)
    }
    if (family[a] !== 4 || family[b] !== 4) return
    const own = batch.direction[row] === direction.egress ? a : b
    const x = isDecided ? own : a
    const y = isDecided ? own : b
    let bits = this.#bits[observer]!
    if (bits === 0) {
      this.#touched[this.#count++] = observer
      this.#scope[observer] = observers.scopes[context]!
      this.#first[observer] = x
      this.#second[observer] = x === y ? 0 : y
    } else {
      if (this.#first[observer] !== x && this.#first[observer] !== y) this.#first[observer] = 0
      if (this.#second[observer] !== x && this.#second[observer] !== y) this.#second[observer] = 0
    }
    bits |= seen
    if (isDecided) bits |= decided
    else if ((flags[a]! & flags[b]! & privateFlag) !== 0) bits |= bothPrivate
    else if (from === 0 && to === 0 && ((flags[a]! ^ flags[b]!) & privateFlag) !== 0) {
      const prefix = number[(flags[a]! & privateFlag) !== 0 ? b : a]! >>> 16
      if ((bits & mixed) !== 0 && this.#prefix[observer] !== prefix) bits |= spread
      bits |= mixed
      this.#prefix[observer] = prefix
    }
    if (from !== to) {
      const claimed = from > to ? a : b
      if (Math.max(from, to) === vpcLevel) this.#named[observer] = withAddress(this.#named[observer]!, claimed)
      else if (Math.min(from, to) === 0) this.#general[observer] = withAddress(this.#general[observer]!, claimed)
    }
    this.#bits[observer] = bits
  }

  #choose(observer: number, believed: Uint8Array, flags: Uint8Array, number: Int32Array): void {
    let bits = this.#bits[observer]!
    const x = this.#first[observer]!
    const y = this.#second[observer]!
    const isPair = x !== 0 && y !== 0
    const certain = isPair ? 0 : x || y
    if (certain !== 0 && this.#named[observer] === certain) bits |= decided
    const chosen = isPair ? this.#ofPair(observer, x, y, flags, number) : certain
    this.chosen[observer] = chosen
    believed[observer] =
      (certain !== 0 && (flags[certain]! & privateFlag) !== 0 && (bits & proof) !== 0 ? belief.inferred : 0) |
      (certain !== 0 && this.#general[observer] === certain ? belief.network : 0)
    if (chosen === 0) return
    const scope = this.#scope[observer]!
    if (certain !== 0) {
      if (scope + 1 >= this.#scopes.length) this.#scopes = longerBytes(this.#scopes, 2 * (scope + 1))
      if ((flags[certain]! & privateFlag) === 0) this.#scopes[scope + 1]! |= publicOwn
      if (this.#named[observer] !== certain && this.#general[observer] !== certain) this.#scopes[scope + 1]! |= outsideOwn
    }
    const known = this.#claims.count
    const claim = this.#claims.idOf(scope, chosen)
    if (claim === known) this.#certain[claim] = this.#guessed[claim] = 0
    const claims = certain !== 0 || this.#named[observer] === chosen ? this.#certain : this.#guessed
    claims[claim]!++
  }

  /** The likely own address of one pair, the only one that the block has of an interface. */
  #ofPair(observer: number, x: number, y: number, flags: Uint8Array, number: Int32Array): number {
    if (this.#named[observer] !== 0) return this.#named[observer]!
    const general = this.#general[observer]!
    // a user has no reason to name networks of RFC 1918, so the other side may be an interface of a VPC that is not named
    if (general !== 0) return canBePeer(flags[general === x ? y : x]!) ? 0 : general
    if ((this.#bits[observer]! & mixed) === 0) return 0
    // being private is a guess, and teaches nothing: the interface may well be in a network that is not private
    const guess = (flags[x]! & privateFlag) !== 0 ? x : y
    return isShared(number[guess]!) ? 0 : guess
  }

  /**
   * A guess is void if another interface of the scope has or claims the address, and if the scope is not what it takes for granted: private without
   * exception, or in own networks without exception. What all records of an interface show is not void because another one shows it, too: the
   * address was handed over within the block, or the log does not name the VPC. Who had it when is for the cloud map to say.
   */
  #veto(observer: number, believed: Uint8Array): void {
    const chosen = this.chosen[observer]!
    if (chosen === 0) return
    const scope = this.#scope[observer]!
    const claim = this.#claims.idOf(scope, chosen)
    const isPair = this.#first[observer] !== 0 && this.#second[observer] !== 0
    const isGuess = isPair && this.#named[observer] !== chosen
    if (!isGuess) return
    const others = this.#certain[claim]! + this.#guessed[claim]! - 1
    const shown = this.#scopes[scope + 1] ?? 0
    const isRefuted = (shown & (this.#general[observer] === chosen ? outsideOwn : publicOwn)) !== 0
    if (others === 0 && !isRefuted) return
    this.chosen[observer] = 0
    believed[observer] = 0
  }
}

const withAddress = (known: number, address: number): number => (known === 0 || known === address ? address : several)

function longerBytes(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(length)
  longer.set(bytes)
  return longer
}

/** The evidence of the block that is being read: like the parser's memory, there is one in a process. */
export const evidence = new DirectionEvidence()
