/** The networks that are ours by the setting `networks.own`, for all records or for those of some accounts and VPCs. */
import type { NetworkSettings } from './settings.ts'
import { addPrefix } from './lookups/address-prefix.ts'
import { RangeBuilder } from './lookups/range-builder.ts'
import type { RangeTable } from './lookups/range-table.ts'
import type { AddressDictionary } from '../../flow/address-dictionary.ts'
import type { ObserverDictionary } from '../../flow/observer-dictionary.ts'
import type { ObserverValues } from '../../flow/observers.ts'
import type { BatchDictionaries } from '../../flow/flow-batch.ts'

/** One entry of `networks.own`. */
export type OwnNetwork = NetworkSettings['own'][number]

/** Networks for all records, for records of an account, and for records of a VPC; the narrower one decides first. */
const levels = 3
/** What `levelOf` gives for an address in a network of the record's own VPC. */
export const vpcLevel = levels

interface Entry {
  readonly cidrs: readonly string[]
  readonly accounts: readonly string[] | undefined
  readonly vpcs: readonly string[] | undefined
  /** 0, 1 or 2: for all, for accounts, for VPCs. */
  readonly level: number
}

const entryOf = (network: OwnNetwork): Entry => {
  const { cidrs, accounts, vpcs } = typeof network === 'string' ? { cidrs: [network], accounts: undefined, vpcs: undefined } : network
  return { cidrs, accounts, vpcs, level: vpcs !== undefined ? 2 : accounts !== undefined ? 1 : 0 }
}

const appliesTo = ({ accounts, vpcs }: Entry, { accountId, vpcId }: ObserverValues): boolean =>
  (accounts === undefined || (accountId !== null && accounts.includes(accountId))) &&
  (vpcs === undefined || (vpcId !== null && vpcs.includes(vpcId)))

function tableOf(entries: readonly Entry[]): RangeTable {
  const builder = new RangeBuilder()
  for (const { cidrs } of entries) for (const cidr of cidrs) addPrefix(builder, cidr, 1)
  return builder.build()
}

/** The entries that apply to a record, and what they say of each address: asked once for an address, not for a row. */
class NetworkSet {
  /** Tables by level. */
  readonly tables: readonly RangeTable[]
  /** By address id: 0 not asked yet, 1 in none, 2 and more: 2 + the narrowest level that has it. */
  known = new Uint8Array(1024)
  epoch = 0

  constructor(entries: readonly Entry[]) {
    this.tables = Array.from({ length: levels }, (_, level) => tableOf(entries.filter(entry => entry.level === level)))
  }
}

/**
 * Tells whether an address is in a network of ours, by account and VPC. Memory: a byte for each address and combination of entries that
 * some record has.
 */
export class OwnNetworks {
  readonly #entries: readonly Entry[]
  readonly #sets: NetworkSet[] = []
  /** Number of the set by the entries that apply, and by the context of each dictionary. */
  readonly #numbers = new Map<string, number>()
  readonly #byObserver = new WeakMap<ObserverDictionary, number[]>()
  /** The dictionary asked for last. */
  #observers: ObserverDictionary | undefined
  #current: number[] = []

  private constructor(networks: readonly OwnNetwork[]) {
    this.#entries = networks.map(entryOf)
  }

  /** Compiles the setting; undefined if it names nothing. CIDRs are checked by the configuration. */
  static from(networks: readonly OwnNetwork[]): OwnNetworks | undefined {
    return networks.length === 0 ? undefined : new OwnNetworks(networks)
  }

  /**
   * How narrowly the networks that apply to a context name an address.
   *
   * @param context Context id.
   * @param address Address id of the current generation.
   * @returns 0: in none of them; 1: in one for all records, 2: in one of the account, 3: in one of the VPC.
   */
  levelOf({ observers, addresses }: Pick<BatchDictionaries, 'observers' | 'addresses'>, context: number, address: number): number {
    const set = this.#setOf(observers, context)
    if (set.epoch !== addresses.epoch || address >= set.known.length) refresh(set, addresses)
    const known = set.known[address]!
    return (known === 0 ? (set.known[address] = ask(set, addresses, address)) : known) - 1
  }

  #setOf(observers: ObserverDictionary, context: number): NetworkSet {
    if (observers !== this.#observers) {
      this.#observers = observers
      this.#current = this.#byObserver.get(observers) ?? []
      this.#byObserver.set(observers, this.#current)
    }
    return this.#sets[(this.#current[context] ??= this.#numberOf(observers.values[context]!))]!
  }

  #numberOf(context: ObserverValues): number {
    const entries = this.#entries.filter(entry => appliesTo(entry, context))
    const key = entries.map(entry => this.#entries.indexOf(entry)).join()
    let number = this.#numbers.get(key)
    if (number === undefined) {
      this.#numbers.set(key, (number = this.#sets.length))
      this.#sets.push(new NetworkSet(entries))
    }
    return number
  }
}

/** Forgets what is said of ids that are others now, and makes room for all. */
function refresh(set: NetworkSet, { current, epoch }: AddressDictionary): void {
  const kept = set.epoch === epoch ? set.known : undefined
  const needed = current.count + 1
  if (needed > set.known.length) set.known = new Uint8Array(2 * needed)
  else if (kept === undefined) set.known.fill(0)
  if (kept !== undefined && kept !== set.known) set.known.set(kept)
  set.epoch = epoch
}

function ask({ tables }: NetworkSet, { current }: AddressDictionary, address: number): number {
  const isV4 = current.family[address] === 4
  if (!isV4 && current.family[address] !== 6) return 1
  const v4 = current.number[address]! >>> 0
  const words = isV4 ? undefined : current.wordsOf(address)
  for (let level = levels - 1; level >= 0; level--) {
    const table = tables[level]!
    if ((words === undefined ? table.find4(v4) : table.find6(words)) >= 0) return 2 + level
  }
  return 1
}
