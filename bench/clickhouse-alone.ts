/**
 * What ClickHouse alone takes for the same objects: it reads them from S3, parses their lines, looks the network of both addresses up twice (as for
 * country and ASN), and inserts them into one plain table. It keeps no exact account, no map and no topics: a floor, not a rival.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Store } from '../sinks/clickhouse/store.ts'

/** IPv4 prefixes that make up a range; both ends are included, as numbers. */
function prefixesOf(first: number, last: number): string[] {
  const prefixes: string[] = []
  for (let at = first; at <= last;) {
    let bits = 0
    // the largest block that begins here and ends in the range
    while (bits < 32 && at % 2 ** (bits + 1) === 0 && at + 2 ** (bits + 1) - 1 <= last) bits++
    prefixes.push(`${[24, 16, 8, 0].map(shift => Math.floor(at / 2 ** shift) % 256).join('.')}/${32 - bits}`)
    at += 2 ** bits
  }
  return prefixes
}

/** Lines `prefix <tab> AS number` of the ASN table that flowloom uses by default. */
function networkLines(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('@ip-location-db/asn/package.json'))
  const lines: string[] = []
  for (const line of readFileSync(join(folder, 'asn-ipv4-num.csv'), 'utf8').split('\n')) {
    const [first, last, asn] = line.split(',', 3)
    if (last !== undefined) for (const prefix of prefixesOf(Number(first), Number(last))) lines.push(`${prefix}\t${asn}`)
  }
  return lines.join('\n')
}

/** Columns whose values are numbers; the others are text of few values, but for the addresses. */
const numbers: Readonly<Record<string, string>> = {
  srcport: 'UInt16',
  dstport: 'UInt16',
  protocol: 'UInt8',
  packets: 'UInt64',
  bytes: 'UInt64',
  start: 'UInt32',
  end: 'UInt32',
  'tcp-flags': 'UInt8',
}
const addresses = ['srcaddr', 'dstaddr', 'pkt-srcaddr', 'pkt-dstaddr']
const typeOf = (field: string): string => numbers[field] ?? (addresses.includes(field) ? 'IPv6' : 'LowCardinality(String)')
/** Type while the file is read, in which `-` stands for a missing value. */
const readType = (field: string): string => (field in numbers ? `Nullable(${numbers[field]!})` : 'String')
/** A column from what the file has. */
const columnOf = (field: string): string =>
  field in numbers ? `ifNull(\`${field}\`, 0)` : addresses.includes(field) ? `toIPv6OrDefault(\`${field}\`)` : `\`${field}\``

/** ClickHouse alone, in a database of its own. */
export class ClickHouseAlone {
  readonly #store: Store
  readonly #database: string
  readonly #fields: readonly string[]

  private constructor(store: Store, database: string, fields: readonly string[]) {
    this.#store = store
    this.#database = database
    this.#fields = fields
  }

  /** Makes the table and loads the networks. @param header Header line of the objects. */
  static async open(store: Store, database: string, header: string): Promise<ClickHouseAlone> {
    const alone = new ClickHouseAlone(store, database, header.split(' '))
    const columns = alone.#fields.map(field => `\`${field}\` ${typeOf(field)}`)
    for (const sql of [
      `CREATE DATABASE ${database}`,
      `CREATE TABLE ${database}.networks (prefix String, asn UInt32) ENGINE = MergeTree ORDER BY prefix`,
      `INSERT INTO ${database}.networks FORMAT TSV\n${networkLines()}`,
      `CREATE DICTIONARY ${database}.networks_by_prefix (prefix String, asn UInt32) PRIMARY KEY prefix SOURCE(CLICKHOUSE(DB '${database}' TABLE 'networks')) LAYOUT(IP_TRIE) LIFETIME(0)`,
      `SYSTEM RELOAD DICTIONARY ${database}.networks_by_prefix`,
      `CREATE TABLE ${database}.lines (${columns.join(', ')}, src_asn UInt32, dst_asn UInt32, src_country UInt32, dst_country UInt32)
       ENGINE = MergeTree PARTITION BY toDate(\`start\`) ORDER BY (\`interface-id\`, \`start\`)`,
    ])
      await store.command(sql)
    return alone
  }

  /** Reads all objects of a bucket. @returns Rows. */
  async read(endpoint: string, bucket: string): Promise<number> {
    const structure = this.#fields.map(field => `\`${field}\` ${readType(field)}`).join(', ')
    const look = (field: string): string =>
      `dictGetOrDefault('${this.#database}.networks_by_prefix', 'asn', tuple(toIPv4OrDefault(\`${field}\`)), 0::UInt32)`
    await this.#store.command(`INSERT INTO ${this.#database}.lines
      SELECT ${this.#fields.map(columnOf).join(', ')}, ${look('srcaddr')}, ${look('dstaddr')}, ${look('pkt-srcaddr')}, ${look('pkt-dstaddr')}
      FROM s3('${endpoint}/${bucket}/AWSLogs/**.log.gz', 'test', 'test', 'CustomSeparatedWithNames', '${structure}', 'gzip')
      SETTINGS format_custom_escaping_rule = 'CSV', format_custom_field_delimiter = ' ', format_csv_null_representation = '-'`)
    const [row] = await this.#store.query<{ rows: string }>(`SELECT count() AS rows FROM ${this.#database}.lines`)
    return Number(row!.rows)
  }

  /** Empties the table. */
  clear(): Promise<void> {
    return this.#store.command(`TRUNCATE TABLE ${this.#database}.lines`)
  }
}
