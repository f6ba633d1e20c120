import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EntryPool } from '../../../../../processors/enrich/lookups/entry-pool.ts'
import { LookupFault } from '../../../../../processors/enrich/lookups/lookup-fault.ts'
import { readMmdb } from '../../../../../processors/enrich/lookups/mmdb-ranges.ts'
import { RangeBuilder } from '../../../../../processors/enrich/lookups/range-builder.ts'
import { parseIpv4 } from '../../../../../flow/address-text.ts'
import { encode, ipv4Bits, MmdbPointer, writeMmdb, writeNode, type MmdbBytes } from '../../../../support/files/mmdb-writer.ts'

const bits32 = (value: number): string => value.toString(2).padStart(32, '0')
const bits4 = (prefix: string): string => {
  const [address, length] = prefix.split('/')
  return bits32(parseIpv4(address!)!).slice(0, Number(length))
}
const country = (code: string): Record<string, unknown> => ({ country: { iso_code: code } })

/** A file of IPv4 networks with records of all sizes of nodes. */
const good = (recordSize: 24 | 28 | 32 = 24): MmdbBytes =>
  writeMmdb({
    ipVersion: 4,
    recordSize,
    networks: ['1.2.3.0/24', '9.0.0.0/8', '77.1.0.0/16', '200.200.200.200/32'].map((prefix, i) => ({
      bits: bits4(prefix),
      record: country(['AU', 'BR', 'DE', 'JP'][i]!),
    })),
  })
const changed = ({ bytes }: MmdbBytes, change: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}
const read = (bytes: Buffer): number => {
  const builder = new RangeBuilder()
  readMmdb('country', bytes, builder, new EntryPool('country'))
  return builder.size
}
const refused = (bytes: Buffer, message: RegExp): void =>
  assert.throws(
    () => read(bytes),
    (error: unknown) => error instanceof LookupFault && message.test(error.message) && !error.message.includes('\n'),
    String(message),
  )

void describe('damaged mmdb files', () => {
  void it('refuses a search tree that points at itself', () => {
    const file = good()
    refused(
      changed(file, bytes => writeNode(bytes, 0, 24, 0, 0)),
      /search tree is damaged: node 0 is reached twice/,
    )
    refused(
      changed(file, bytes => writeNode(bytes, 5 * file.nodeBytes, 24, 5, 5)),
      /search tree is damaged: node 5 is reached twice/,
    )
    refused(
      changed(file, bytes => writeNode(bytes, 9 * file.nodeBytes, 24, 2, file.nodeCount)),
      /search tree is damaged: node 2 is reached twice/,
    )
    const six = writeMmdb({ ipVersion: 6, recordSize: 24, networks: [{ bits: ipv4Bits + '1', record: country('AU') }] })
    refused(
      changed(six, bytes => writeNode(bytes, 0, 24, 0, six.nodeCount)),
      /search tree is damaged: node 0 is reached twice/,
    )
    refused(
      changed(six, bytes => writeNode(bytes, 95 * 6, 24, 40, six.nodeCount)),
      /search tree is damaged: node 40 is reached twice/,
    )
  })

  void it('refuses a tree of which two branches share a node', () => {
    const file = good()
    refused(
      changed(file, bytes => bytes.copy(bytes, 3, 0, 3)),
      /search tree is damaged: node 1 is reached twice/,
    )
  })

  void it('refuses a hole of zeros in the tree, in the gap and in the data', () => {
    const networks = Array.from({ length: 2000 }, (_, i) => ({
      bits: bits32(i * 2_147_483).slice(0, 24),
      record: { country: { iso_code: ['AU', 'BR', 'DE', 'JP'][i % 4]!, geoname_id: i } },
    }))
    const file = writeMmdb({ ipVersion: 4, networks })
    refused(
      changed(file, bytes => bytes.fill(0, 4096, 8192)),
      /search tree is damaged: node 0 is reached twice/,
    )
    refused(
      changed(file, bytes => bytes.fill(0, file.data + 4096, file.data + 8192)),
      /data is damaged/,
    )
    refused(
      changed(file, bytes => bytes.fill(1, file.data - 3, file.data - 1)),
      /gap of 16 zero bytes/,
    )
    // a hole in the tree with the number that means nothing leaves nodes without a way to them
    refused(
      changed(file, bytes => {
        for (let node = 500; node < 600; node++) writeNode(bytes, node * file.nodeBytes, 28, file.nodeCount, file.nodeCount)
      }),
      /nodes are not connected/,
    )
  })

  void it('refuses a tree that is deeper than an address', () => {
    const deep4 = writeMmdb({ ipVersion: 6, networks: [{ bits: '1'.repeat(40), record: country('AU') }] })
    const at = deep4.bytes.lastIndexOf('ip_version')
    // a tree of 40 levels that says it is one of IPv4
    const bytes = Buffer.from(deep4.bytes)
    bytes.writeUInt32BE(4, at + 'ip_version'.length + 1)
    refused(bytes, /below the last of the 32 bits/)
    refused(
      writeMmdb({ ipVersion: 6, networks: [{ bits: '1'.repeat(131), record: country('AU') }] }).bytes,
      /below the last of the 128 bits/,
    )
  })

  void it('refuses records that point outside of the data', () => {
    const file = good()
    const behind = file.nodeCount + (file.dataEnd - file.data) + 16
    for (const pointer of [file.nodeCount + 1, file.nodeCount + 15, behind, behind + 30, 0xffffff])
      refused(
        changed(file, bytes => writeNode(bytes, 0, 24, 1, pointer)),
        /search tree is damaged: node 0 points outside of the data/,
      )
  })

  void it('refuses a wrong record size, IP version, format version or node count', () => {
    const wrong = (metadata: Record<string, unknown>): Buffer =>
      writeMmdb({ ipVersion: 4, networks: [{ bits: '1', record: country('AU') }], metadata }).bytes
    refused(wrong({ record_size: 20 }), /record size 20/)
    refused(wrong({ record_size: undefined }), /metadata has no record_size/)
    refused(wrong({ ip_version: 5 }), /IP version 5/)
    refused(wrong({ binary_format_major_version: 3 }), /version 3 of the format/)
    refused(wrong({ node_count: 1_000_000 }), /says 1000000 nodes/)
    refused(wrong({ node_count: 0 }), /says 0 nodes/)
    refused(wrong({ node_count: 'many' }), /metadata has no node_count/)
    refused(wrong({ build_epoch: 2n ** 63n }), /not a time/)
    // a record size that does not fit moves every node
    refused(
      changed(good(24), bytes => (bytes[bytes.lastIndexOf('record_size') + 'record_size'.length + 4] = 32)),
      /damaged/,
    )
  })

  void it('refuses a file that is cut off, without saying what the library would', () => {
    const { bytes } = good()
    refused(bytes.subarray(0, bytes.length - 280), /not a MaxMind DB file, or its end is missing/)
    refused(bytes.subarray(0, bytes.length - 3), /data is damaged: a value leaves the section/)
    refused(bytes.subarray(60), /damaged|cut/)
  })

  void it('refuses data that is damaged', () => {
    const withData = (data: Buffer): Buffer => {
      const file = writeMmdb({ ipVersion: 4, recordSize: 24, networks: [{ bits: '1', record: country('AU') }] })
      const metadata = file.bytes.subarray(file.dataEnd)
      const head = Buffer.from(file.bytes.subarray(0, file.data))
      return Buffer.concat([head, data, metadata])
    }
    const map = (value: unknown): Buffer => encode({ country: value })
    refused(withData(map(new MmdbPointer(0))), /levels of values/)
    refused(withData(map(new MmdbPointer(9999))), /a pointer leaves the section/)
    refused(withData(Buffer.concat([map(new MmdbPointer(14)), encode(new MmdbPointer(0))])), /a pointer leads to a pointer/)
    refused(withData(encode('text')), /record of a network is not a map/)
    refused(withData(Buffer.from([0b111_00001, 0b110_00001, 7])), /a key that is not a text/)
    refused(withData(Buffer.from([0b111_00001, 0b010_11100, 65])), /a value leaves the section/)
    refused(withData(Buffer.from([0b111_00001, 0, 0])), /unknown type 7/)
    refused(withData(map('A\0')), /a text with a zero byte/)
    // each map points twice at the one before: 2^14 values in 200 bytes
    const maps = [encode({})]
    const places = [0]
    for (let i = 1; i <= 14; i++) {
      places.push(places.at(-1)! + maps.at(-1)!.length)
      maps.push(encode({ a: new MmdbPointer(places[i - 1]!), b: new MmdbPointer(places[i - 1]!) }))
    }
    const { bytes, data, dataEnd } = writeMmdb({ ipVersion: 4, recordSize: 24, networks: [{ bits: '1', record: country('AU') }] })
    const tree = Buffer.from(bytes.subarray(0, data))
    writeNode(tree, 0, 24, 1, 1 + 16 + places.at(-1)!)
    refused(Buffer.concat([tree, ...maps, bytes.subarray(dataEnd)]), /more than 10000 values/)
  })

  void it('refuses countries that are not two letters and databases of another kind', () => {
    const file = (record: Record<string, unknown>): Buffer => writeMmdb({ ipVersion: 4, networks: [{ bits: '1', record }] }).bytes
    refused(file({ country: 'Australia' }), /names the country "Australia", which is not a code of two letters/)
    refused(file({ country: { iso_code: 3 } }), /names the country 3/)
    refused(file({ autonomous_system_number: 1 }), /none of its records has a country; it is a database of the type Test/)
    const asn = (record: Record<string, unknown>): void => void readMmdb('asn', file(record), new RangeBuilder(), new EntryPool('asn'))
    assert.throws(() => asn(country('AU')), /none of its records has an AS number/)
    assert.throws(() => asn({ asn: 'AS4294967296' }), /names the network "AS4294967296", which is not an AS number/)
    asn({ asn: 'AS4294967295' })
    // whole numbers of 64 bits are bigint
    asn({ asn: 13_335n })
    assert.throws(() => asn({ asn: 2n ** 40n }), /names the network 1099511627776, which is not an AS number/)
    assert.throws(() => asn({ asn: [1n] }), /names the network \["1"\], which is not an AS number/)
    refused(file({ country: { iso_code: 5n } }), /names the country 5,/)
  })
})
