/** MaxMind DB files flattened to ranges: the tree is walked once at load, so that no lookup touches it again. */
import { Reader, type Response } from 'mmdb-lib'
import { formatIpv4, formatIpv6, type Words } from '../parse/address-text.ts'
import type { TextPool } from './lookup-set.ts'
import type { RangeBuilder } from './range-table.ts'
import type { AsnPool } from './range-text.ts'

type MmdbRecord = Record<string, unknown>

/** Country code of a record: MaxMind's nested shape, or the flat one of ip-location-db. */
export function countryOfRecord(record: MmdbRecord): string | undefined {
  const nested = (record['country'] ?? record['registered_country']) as { iso_code?: unknown } | string | undefined
  const code = typeof nested === 'object' ? nested.iso_code : (record['country_code'] ?? nested)
  return typeof code === 'string' && /^[A-Z]{2}$/.test(code) ? code : undefined
}

/** AS number and organisation of a record. */
export function asnOfRecord(record: MmdbRecord): { asn: number; org: string } | undefined {
  const number = (record['autonomous_system_number'] ?? record['asn']) as number | string | undefined
  const asn = typeof number === 'string' ? Number(number.replace(/^AS/, '')) : number
  const org = record['autonomous_system_organization'] ?? record['as_name'] ?? record['name'] ?? ''
  return asn !== undefined && Number.isInteger(asn) && asn > 0 ? { asn, org: typeof org === 'string' ? org : '' } : undefined
}

/**
 * Reads a country or ASN database into ranges.
 *
 * @param valueOf Number of a record's value, -1 to leave it out.
 * @returns Date of the data, Unix milliseconds.
 * @throws Where the file is no MaxMind DB.
 */
function readMmdb(file: Buffer, builder: RangeBuilder, valueOf: (record: MmdbRecord) => number): number {
  const reader = new Reader<Response>(file)
  const { nodeCount, recordSize, nodeByteSize, ipVersion, buildEpoch } = reader.metadata
  const child = (node: number, bit: number): number => {
    const at = node * nodeByteSize
    if (recordSize === 24) return file.readUIntBE(at + 3 * bit, 3)
    if (recordSize === 32) return file.readUInt32BE(at + 4 * bit)
    const middle = file[at + 3]!
    return bit === 0 ? ((middle >> 4) << 24) | file.readUIntBE(at, 3) : ((middle & 15) << 24) | file.readUIntBE(at + 4, 3)
  }
  // the data of a leaf is read through the library, once for each distinct leaf
  const values = new Map<number, number>()
  const leaf = (pointer: number, address: () => string): number => {
    let value = values.get(pointer)
    if (value === undefined) {
      const record = reader.get(address()) as unknown as MmdbRecord | null
      value = record === null ? -1 : valueOf(record)
      values.set(pointer, value)
    }
    return value
  }
  const walk4 = (node: number, base: number, depth: number): void => {
    if (node === nodeCount) return
    if (node > nodeCount) {
      const value = leaf(node, () => formatIpv4(base))
      if (value >= 0) builder.add4(base, base + 2 ** (32 - depth) - 1, value)
    } else if (depth < 32) {
      walk4(child(node, 0), base, depth + 1)
      walk4(child(node, 1), base + 2 ** (31 - depth), depth + 1)
    }
  }
  let start4 = 0
  if (ipVersion === 6) for (let i = 0; i < 96 && start4 < nodeCount; i++) start4 = child(start4, 0)
  walk4(start4, 0, 0)
  const walk6 = (node: number, words: Words, depth: number): void => {
    // the IPv4 subtree also hangs under ::ffff:0:0/96, 2002::/16 and others: those are not IPv6 data
    if (node === nodeCount || node === start4) return
    if (node > nodeCount) {
      const value = leaf(node, () => formatIpv6(words))
      if (value >= 0) builder.add6(words, lastOf(words, depth), value)
    } else if (depth < 128) {
      walk6(child(node, 0), words, depth + 1)
      const right: Words = [...words]
      right[depth >>> 5] = (right[depth >>> 5]! | (1 << (31 - (depth & 31)))) >>> 0
      walk6(child(node, 1), right, depth + 1)
    }
  }
  if (ipVersion === 6) walk6(0, [0, 0, 0, 0], 0)
  return buildEpoch.getTime()
}

function lastOf(words: Words, prefix: number): Words {
  const last: Words = [...words]
  for (let i = 0; i < 4; i++) {
    const fixed = Math.min(32, Math.max(0, prefix - 32 * i))
    if (fixed < 32) last[i] = (last[i]! | (0xffffffff >>> fixed)) >>> 0
  }
  return last
}

/** Reads a country database. @returns Date of the data, Unix milliseconds. */
export const readCountryMmdb = (file: Buffer, builder: RangeBuilder, texts: TextPool): number =>
  readMmdb(file, builder, record => {
    const code = countryOfRecord(record)
    return code === undefined ? -1 : texts.idOf(code)
  })

/** Reads an ASN database. @returns Date of the data, Unix milliseconds. */
export const readAsnMmdb = (file: Buffer, builder: RangeBuilder, asns: AsnPool): number =>
  readMmdb(file, builder, record => {
    const found = asnOfRecord(record)
    return found === undefined ? -1 : asns.idOf(found.asn, found.org)
  })
