/** MaxMind DB files flattened to ranges: the tree is walked once at load, so that no lookup touches it again. */
import type { Words } from '../../../flow/address-text.ts'
import { readersOf } from './attribute-readers.ts'
import type { EntryPool } from './entry-pool.ts'
import { LookupFault } from './lookup-fault.ts'
import { MmdbFile } from './mmdb-file.ts'
import type { RangeBuilder } from './range-builder.ts'

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

/** What records of a table must have, for messages. */
const needed = { country: 'a country', asn: 'an AS number' } as const

/**
 * Reads a country or ASN database into ranges, each distinct record once.
 *
 * @param entries What the records say.
 * @returns Date of the data, Unix milliseconds.
 * @throws LookupFault if the file is damaged, or no record has the value that the table is for.
 */
export function readMmdb(table: keyof typeof needed, bytes: Buffer, builder: RangeBuilder, entries: EntryPool): number {
  const file = new MmdbFile(bytes)
  const readers = readersOf(table)
  const needs = readers.findIndex(reader => reader.needed !== undefined)
  const ids = new Map<number, number>()
  let valued = 0
  const entryAt = (pointer: number): number => {
    let id = ids.get(pointer)
    if (id === undefined) {
      const record = file.record(pointer)
      const values = readers.map(reader => reader.record(record))
      if (values[needs] !== null) valued++
      id = entries.idOf(values)
      ids.set(pointer, id)
    }
    return id
  }
  new TreeWalk(file, builder, entryAt).run()
  if (valued === 0) throw new LookupFault(`none of its records has ${needed[table]}; it is a database of the type ${file.databaseType}`)
  return file.builtMs
}
