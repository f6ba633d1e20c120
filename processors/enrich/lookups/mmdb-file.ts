/** A MaxMind DB file: metadata, nodes of the search tree, records. Opened only if its parts fit into each other. */
import { LookupFault } from './lookup-fault.ts'
import { MmdbValues, type MmdbRecord } from './mmdb-values.ts'

const marker = '\xab\xcd\xefMaxMind.com'
/** The metadata is within so many bytes of the end. */
const metadataReach = 131_072
const separatorBytes = 16

/** Place of the metadata marker, -1 if the file has none. */
export const findMarker = (bytes: Buffer): number => {
  const from = Math.max(0, bytes.length - metadataReach)
  const found = bytes.subarray(from).lastIndexOf(marker, undefined, 'latin1')
  return found < 0 ? -1 : from + found
}

/** See the first line of this file. */
export class MmdbFile {
  readonly nodeCount: number
  readonly ipVersion: 4 | 6
  /** As the file says, for messages. */
  readonly databaseType: string
  /** Unix milliseconds. */
  readonly builtMs: number
  readonly #bytes: Buffer
  readonly #recordBits: number
  readonly #nodeBytes: number
  readonly #dataBytes: number
  readonly #data: MmdbValues

  /** @throws LookupFault if the file is not a MaxMind DB of version 2, or its parts do not fit into each other. */
  constructor(bytes: Buffer) {
    const end = findMarker(bytes)
    if (end < 0) throw new LookupFault('it is not a MaxMind DB file, or its end is missing: there is no metadata')
    const metadata = new MmdbValues(bytes, end + marker.length, bytes.length).at(0) as MmdbRecord
    if (typeof metadata !== 'object') throw new LookupFault('its metadata is not a map')
    const whole = (name: string): number => {
      const value = metadata[name]
      if ((typeof value === 'number' && Number.isInteger(value) && value >= 0) || typeof value === 'bigint') return Number(value)
      throw new LookupFault(`its metadata has no ${name}`)
    }
    const version = whole('binary_format_major_version')
    if (version !== 2) throw new LookupFault(`it has version ${version} of the format; version 2 is read`)
    this.#recordBits = whole('record_size')
    if (![24, 28, 32].includes(this.#recordBits))
      throw new LookupFault(`its metadata has the record size ${this.#recordBits}; 24, 28 and 32 bits exist`)
    const ipVersion = whole('ip_version')
    if (ipVersion !== 4 && ipVersion !== 6) throw new LookupFault(`its metadata has the IP version ${ipVersion}; 4 and 6 exist`)
    this.ipVersion = ipVersion
    this.nodeCount = whole('node_count')
    this.#nodeBytes = this.#recordBits / 4
    const treeBytes = this.nodeCount * this.#nodeBytes
    this.#dataBytes = end - treeBytes - separatorBytes
    if (this.nodeCount === 0 || this.#dataBytes < 0)
      throw new LookupFault(`its metadata says ${this.nodeCount} nodes, which is not what the file has room for: it is damaged or cut`)
    if (bytes.subarray(treeBytes, treeBytes + separatorBytes).some(byte => byte !== 0))
      throw new LookupFault('between its search tree and its data is not the gap of 16 zero bytes: it is damaged')
    this.builtMs = whole('build_epoch') * 1000
    if (this.builtMs > 8_640_000_000_000_000) throw new LookupFault('its build time is not a time')
    const type = metadata['database_type']
    this.databaseType = typeof type === 'string' ? type : 'unknown'
    this.#bytes = bytes
    this.#data = new MmdbValues(bytes, treeBytes + separatorBytes, end)
  }

  /**
   * One of the two records of a node: a node if below `nodeCount`, nothing if equal, else a record of the data.
   *
   * @throws LookupFault if it points into the gap or behind the data.
   */
  child(node: number, bit: 0 | 1): number {
    const at = node * this.#nodeBytes
    const child = this.#recordAt(at, bit)
    if (child > this.nodeCount) {
      const offset = child - this.nodeCount - separatorBytes
      if (offset < 0 || offset >= this.#dataBytes)
        throw new LookupFault(`its search tree is damaged: node ${node} points outside of the data`)
    }
    return child
  }

  #recordAt(at: number, bit: 0 | 1): number {
    const bytes = this.#bytes
    if (this.#recordBits === 24) return bytes.readUIntBE(at + 3 * bit, 3)
    if (this.#recordBits === 32) return bytes.readUInt32BE(at + 4 * bit)
    const middle = bytes[at + 3]!
    return bit === 0 ? ((middle >>> 4) << 24) | bytes.readUIntBE(at, 3) : ((middle & 15) << 24) | bytes.readUIntBE(at + 4, 3)
  }

  /**
   * The data that a record of the tree points at.
   *
   * @throws LookupFault if it is not a map.
   */
  record(pointer: number): MmdbRecord {
    const value = this.#data.at(pointer - this.nodeCount - separatorBytes)
    if (typeof value !== 'object' || value === null || Array.isArray(value) || Buffer.isBuffer(value))
      throw new LookupFault('its data is damaged: the record of a network is not a map')
    return value as MmdbRecord
  }
}
