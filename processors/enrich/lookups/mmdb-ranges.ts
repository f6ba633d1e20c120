/** MaxMind DB files flattened to ranges: the tree is walked once at load, so that no lookup touches it again. */
import type { Words } from '../../../flow/address-text.ts'
import { LookupFault } from './lookup-fault.ts'
import type { TextPool } from './lookup-set.ts'
import { MmdbFile } from './mmdb-file.ts'
import type { MmdbRecord } from './mmdb-values.ts'
import type { RangeBuilder } from './range-builder.ts'
import { asnOf, countryCodeOf, type AsnPool } from './table-values.ts'

/** A value of a record as text: whole numbers of 64 bits and more are not JSON. */
const shown = (value: unknown): string =>
  typeof value === 'bigint'
    ? String(value)
    : JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))

/**
 * Country code of a record: MaxMind's nested shape, or the flat one of ip-location-db and IPinfo. The country where a network is registered is
 * not the country where it is.
 *
 * @throws LookupFault if what stands there is not two letters.
 */
export function countryOfRecord(record: MmdbRecord): string | undefined {
  const country = record['country']
  const code =
    typeof country === 'object' && country !== null
      ? (country as MmdbRecord)['iso_code']
      : (record['country_code'] ?? record['country_iso_code'] ?? country)
  if (code === undefined || code === null) return undefined
  const known = typeof code === 'string' ? countryCodeOf(code) : undefined
  if (known === undefined) throw new LookupFault(`a record names the country ${shown(code)}, which is not a code of two letters`)
  return known === '' ? undefined : known
}

/**
 * AS number and organisation of a record.
 *
 * @throws LookupFault if what stands there is not an AS number.
 */
export function asnOfRecord(record: MmdbRecord): { asn: number; org: string } | undefined {
  const number = record['autonomous_system_number'] ?? record['asn']
  if (number === undefined || number === null) return undefined
  const isNumber = typeof number === 'string' || typeof number === 'number' || typeof number === 'bigint'
  const asn = isNumber ? asnOf(String(number)) : undefined
  if (asn === undefined) throw new LookupFault(`a record names the network ${shown(number)}, which is not an AS number`)
  const org = record['autonomous_system_organization'] ?? record['as_name'] ?? record['organization'] ?? record['name']
  return asn === 0 ? undefined : { asn, org: typeof org === 'string' ? org : '' }
}

/** More places than writers hang the IPv4 tree at: `::/96`, `::ffff:0:0/96`, Teredo and 6to4. */
const mostAliases = 8

/**
 * Walks the tree of a file. A sound tree visits each node once, but for the IPv4 tree, which hangs in several places of an IPv6 tree: it is
 * walked once, and the places become aliases of the table.
 */
class TreeWalk {
  readonly #file: MmdbFile
  readonly #builder: RangeBuilder
  readonly #valueOf: (pointer: number) => number
  readonly #seen: Uint8Array
  #visits = 0
  #aliases = 0

  constructor(file: MmdbFile, builder: RangeBuilder, valueOf: (pointer: number) => number) {
    this.#file = file
    this.#builder = builder
    this.#valueOf = valueOf
    this.#seen = new Uint8Array(file.nodeCount)
  }

  /** @throws LookupFault if the tree is damaged. */
  run(): void {
    const { nodeCount, ipVersion } = this.#file
    const start4 = ipVersion === 4 ? 0 : this.#start4()
    if (start4 < nodeCount) this.#walk4(start4)
    else if (start4 > nodeCount) this.#add4(start4, 0, 0)
    if (ipVersion === 6) this.#walk6(start4)
    if (this.#visits < nodeCount)
      throw this.#broken(`${nodeCount - this.#visits} of its ${nodeCount} nodes are not connected with the others`)
  }

  /** Where IPv4 addresses begin: what 96 zero bits lead to. */
  #start4(): number {
    const spine = new Set<number>()
    let node = 0
    for (let depth = 0; depth < 96 && node < this.#file.nodeCount; depth++) {
      if (spine.has(node)) throw this.#broken(`node ${node} is reached twice`)
      spine.add(node)
      node = this.#file.child(node, 0)
    }
    if (spine.has(node)) throw this.#broken(`node ${node} is reached twice`)
    return node
  }

  #walk4(start: number): void {
    const { nodeCount } = this.#file
    const nodes = [start]
    const bases = [0]
    const depths = [0]
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      const base = bases.pop()!
      const depth = depths.pop()!
      if (node === nodeCount) continue
      if (node > nodeCount) {
        this.#add4(node, base, depth)
        continue
      }
      if (depth === 32) throw this.#broken(`node ${node} is below the last of the 32 bits of an address`)
      this.#visit(node)
      nodes.push(this.#file.child(node, 1), this.#file.child(node, 0))
      bases.push(base + 2 ** (31 - depth), base)
      depths.push(depth + 1, depth + 1)
    }
  }

  #walk6(start4: number): void {
    const { nodeCount } = this.#file
    const nodes = [0]
    const bases: Words[] = [[0, 0, 0, 0]]
    const depths = [0]
    for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
      const base = bases.pop()!
      const depth = depths.pop()!
      if (node === nodeCount) continue
      if (node > nodeCount) {
        const value = this.#valueOf(node)
        if (value >= 0) this.#builder.add6(base, lastOf(base, depth), value)
        continue
      }
      if (node === start4) {
        if (depth > 96) throw this.#broken(`node ${node} is below the last of the 128 bits of an address`)
        if (++this.#aliases > mostAliases) throw this.#broken(`node ${node} is reached more than ${mostAliases} times`)
        this.#builder.alias(base, depth)
        continue
      }
      if (depth === 128) throw this.#broken(`node ${node} is below the last of the 128 bits of an address`)
      this.#visit(node)
      const right: Words = [...base]
      right[depth >>> 5] = (right[depth >>> 5]! | (1 << (31 - (depth & 31)))) >>> 0
      nodes.push(this.#file.child(node, 1), this.#file.child(node, 0))
      bases.push(right, base)
      depths.push(depth + 1, depth + 1)
    }
  }

  #add4(pointer: number, base: number, depth: number): void {
    const value = this.#valueOf(pointer)
    if (value >= 0) this.#builder.add4(base, base + 2 ** (32 - depth) - 1, value)
  }

  #visit(node: number): void {
    if (this.#seen[node] === 1) throw this.#broken(`node ${node} is reached twice`)
    this.#seen[node] = 1
    this.#visits++
  }

  #broken(what: string): LookupFault {
    return new LookupFault(`its search tree is damaged: ${what}`)
  }
}

function lastOf(words: Words, prefix: number): Words {
  const last: Words = [...words]
  for (let i = 0; i < 4; i++) {
    const fixed = Math.min(32, Math.max(0, prefix - 32 * i))
    if (fixed < 32) last[i] = (last[i]! | (0xffffffff >>> fixed)) >>> 0
  }
  return last
}

/**
 * Reads a country or ASN database into ranges, each distinct record once.
 *
 * @param valueOf Number of a record's value, -1 to leave it out.
 * @returns Date of the data, Unix milliseconds.
 * @throws LookupFault if the file is damaged, or no record has a value.
 */
function readMmdb(bytes: Buffer, builder: RangeBuilder, what: string, valueOf: (record: MmdbRecord) => number): number {
  const file = new MmdbFile(bytes)
  const values = new Map<number, number>()
  let valued = 0
  const valueAt = (pointer: number): number => {
    let value = values.get(pointer)
    if (value === undefined) {
      value = valueOf(file.record(pointer))
      if (value >= 0) valued++
      values.set(pointer, value)
    }
    return value
  }
  new TreeWalk(file, builder, valueAt).run()
  if (valued === 0) throw new LookupFault(`none of its records has ${what}; it is a database of the type ${file.databaseType}`)
  return file.builtMs
}

/** Reads a country database. @returns Date of the data, Unix milliseconds. @throws LookupFault as `readMmdb`. */
export const readCountryMmdb = (bytes: Buffer, builder: RangeBuilder, texts: TextPool): number =>
  readMmdb(bytes, builder, 'a country', record => {
    const code = countryOfRecord(record)
    return code === undefined ? -1 : texts.idOf(code)
  })

/** Reads an ASN database. @returns Date of the data, Unix milliseconds. @throws LookupFault as `readMmdb`. */
export const readAsnMmdb = (bytes: Buffer, builder: RangeBuilder, asns: AsnPool): number =>
  readMmdb(bytes, builder, 'an AS number', record => {
    const found = asnOfRecord(record)
    return found === undefined ? -1 : asns.idOf(found.asn, found.org)
  })
