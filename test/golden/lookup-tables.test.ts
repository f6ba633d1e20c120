import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { compileTable } from '../../processors/enrich/lookups/compile-table.ts'
import type { TableFile } from '../../processors/enrich/lookups/configured-tables.ts'
import { attributeValue, lookupSetOf, type LookupSet, type TableName } from '../../processors/enrich/lookups/lookup-set.ts'
import { attributeRows } from '../../flow/attributes.ts'
import { parseIpv4, parseIpv6 } from '../../flow/address-text.ts'

const directory = mkdtempSync(join(tmpdir(), 'flowloom-makers-'))
after(() => rmSync(directory, { recursive: true }))
const golden = (name: string): string => join(import.meta.dirname, 'lookup-tables', name)
const written = (name: string, content: string | Buffer): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
const filesOf = (table: TableName, paths: readonly string[]): TableFile[] =>
  paths.map(path => ({ table, path, list: 'list', licence: null, attribution: null, dataDate: null, isDefault: false }))

async function load(table: TableName, ...paths: string[]): Promise<LookupSet> {
  const result = await compileTable(filesOf(table, paths))
  assert.ok('compiled' in result, JSON.stringify(result))
  return lookupSetOf([result.compiled])
}

async function faultOf(table: TableName, ...paths: string[]): Promise<string> {
  const result = await compileTable(filesOf(table, paths))
  assert.ok('faults' in result, 'it was read')
  assert.doesNotMatch(result.faults[0]!.detail, /\n/)
  return result.faults[0]!.detail
}

/** What a table says of an address. */
function look(tables: LookupSet, ip: string): string | undefined {
  const v4 = parseIpv4(ip)
  const [name, table] = Object.entries(tables.ranges)[0]!
  const entry = v4 === undefined ? table.find6(parseIpv6(ip)!) : table.find4(v4)
  if (entry < 0) return undefined
  const said = attributeRows.map(({ lookup, type }, i) => {
    const value = lookup === name ? attributeValue(tables, i, entry) : -1
    return value < 0 ? '' : type === 'string' ? tables.texts.texts[value]! : String(value)
  })
  return said.filter(value => value !== '').join(' ')
}

const looked = async (table: TableName, paths: readonly string[], ips: readonly string[]): Promise<(string | undefined)[]> => {
  const tables = await load(table, ...paths)
  return ips.map(ip => look(tables, ip))
}

void describe('country tables of their makers', () => {
  void it('IP2Location DB1: whole numbers in quotes and a name behind the code', async () => {
    assert.deepEqual(await looked('country', [golden('ip2location-db1.csv')], ['1.0.0.9', '1.0.16.0', '1.0.1.0']), ['US', 'JP', undefined])
  })
  void it('IP2Location DB3: the region is not the country', async () => {
    assert.deepEqual(await looked('country', [golden('ip2location-db3.csv')], ['1.0.0.9', '1.0.31.255']), ['US', 'JP'])
  })
  void it('IP2Location of IPv6: IPv4 networks stand at ::ffff:0:0/96', async () => {
    const path = written(
      'db1-v6.csv',
      '"0","281470681743359","-","-"\n"281470698520576","281470698520831","US","United States of America"\n"42540528726795050063891204319802818560","42540528806023212578155541913346768895","JP","Japan"\n',
    )
    assert.deepEqual(await looked('country', [path], ['1.0.0.9', '2001:200::1', '1.0.1.0']), ['US', 'JP', undefined])
  })
  void it('country codes in lower case, with a header line', async () => {
    assert.deepEqual(await looked('country', [golden('lower-case.csv')], ['1.0.0.255', '1.0.16.1']), ['AU', 'JP'])
  })
  void it('semicolons', async () => {
    assert.deepEqual(await looked('country', [golden('semicolon.csv')], ['1.0.0.255']), ['AU'])
  })
  void it('IPinfo country_asn: columns by the header line, as country and as ASN', async () => {
    assert.deepEqual(await looked('country', [golden('ipinfo-country-asn.csv')], ['1.0.16.1']), ['JP'])
    assert.deepEqual(await looked('asn', [golden('ipinfo-country-asn.csv')], ['1.0.16.1']), ['2519 ARTERIA Networks'])
  })
  void it('IPinfo Lite: the country is a name, the code stands beside it', async () => {
    const path = written(
      'ipinfo_lite.csv',
      'network,country,country_code,continent,continent_code,asn,as_name,as_domain\n1.0.0.0/24,Australia,AU,Oceania,OC,AS13335,"Cloudflare, Inc.",cloudflare.com\n2001:200::/32,Japan,JP,Asia,AS,,,\n',
    )
    assert.deepEqual(await looked('country', [path], ['1.0.0.1', '2001:200::1']), ['AU', 'JP'])
    assert.deepEqual(await looked('asn', [path], ['1.0.0.1', '2001:200::1']), ['13335 Cloudflare, Inc.', undefined])
  })
  void it('MaxMind GeoLite2: networks name countries by ids, which the file of locations resolves, whatever their order', async () => {
    const locations = written(
      'GeoLite2-Country-Locations-en.csv',
      'geoname_id,locale_code,continent_code,continent_name,country_iso_code,country_name,is_in_european_union\n2077456,en,OC,Oceania,AU,Australia,0\n6255147,en,AS,Asia,,,0\n1861060,en,AS,Asia,JP,Japan,0\n',
    )
    const more = written(
      'GeoLite2-Country-Blocks-IPv6.csv',
      'network,geoname_id,registered_country_geoname_id,represented_country_geoname_id,is_anonymous_proxy,is_satellite_provider,is_anycast\n2001:200::/32,1861060,1861060,,0,0,\n2001:201::/32,6255147,1861060,,0,0,\n2001:202::/32,,1861060,,0,0,\n',
    )
    const ips = ['1.0.0.1', '2001:200::1', '2001:201::1', '2001:202::1']
    const expected = ['AU', 'JP', undefined, undefined]
    const blocks = golden('GeoLite2-Country-Blocks-IPv4.csv')
    assert.deepEqual(await looked('country', [blocks, more, locations], ips), expected)
    assert.deepEqual(await looked('country', [locations, more, blocks], ips), expected)
    assert.match(await faultOf('country', blocks), /name countries by geoname_id: name the file of locations too/)
    assert.match(await faultOf('country', locations), /it holds locations; name the files of networks too/)
  })
  void it('DB-IP city: the continent AS is not American Samoa', async () => {
    const path = written(
      'dbip-city-lite.csv',
      '1.0.0.0,1.0.0.255,OC,AU,Queensland,South Brisbane,-27.4767,153.017\n1.0.16.0,1.0.31.255,AS,JP,Tokyo,Tokyo,35.6895,139.692\n0.0.0.0,0.255.255.255,ZZ,ZZ,,,0,0\n',
    )
    assert.deepEqual(await looked('country', [path], ['1.0.0.1', '1.0.16.1', '0.0.0.1']), ['AU', 'JP', undefined])
  })
  void it('iptoasn: the fourth column is the country', async () => {
    const path = written('ip2asn-v4.tsv', '1.0.0.0\t1.0.0.255\t13335\tUS\tCLOUDFLARENET\n1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n')
    assert.deepEqual(await looked('country', [path], ['1.0.0.1', '1.0.1.1']), ['US', undefined])
  })
  void it('GeoIP legacy: the range stands there twice', async () => {
    assert.deepEqual(await looked('country', [golden('geoip-legacy.csv')], ['194.112.103.255']), ['GB'])
  })
  void it('a byte order mark, carriage returns, blank lines, a header line and doubled quotes', async () => {
    const path = written('bom.csv', '\ufeffstart_ip,end_ip,name,country\r\n\r\n"1.0.0.0","1.0.0.255","The ""Isle"", big","au"\r\n')
    assert.deepEqual(await looked('country', [path], ['1.0.0.1']), ['AU'])
  })
  void it('a prefix in the first column, without a header line', async () => {
    assert.deepEqual(await looked('country', [written('cidr.csv', '1.0.0.0/24,AU\n2001:200::/32,JP\n')], ['1.0.0.1', '2001:200::1']), ['AU', 'JP'])
  })
  void it('Namibia (NA) and every other code of two letters is a country, but for XX and ZZ, which makers use for none', async () => {
    const letters = Array.from({ length: 26 }, (_, i) => String.fromCharCode(65 + i))
    const codes = letters.flatMap(a => letters.map(b => a + b))
    const path = written('codes.csv', codes.map((code, i) => `1.${i >>> 8}.${i & 255}.0/24,${code}\n`).join(''))
    assert.deepEqual(
      await looked(
        'country',
        [path],
        codes.map((_, i) => `1.${i >>> 8}.${i & 255}.1`),
      ),
      codes.map(code => (code === 'XX' || code === 'ZZ' ? undefined : code)),
    )
  })
  void it('packed with gzip', async () => {
    assert.deepEqual(await looked('country', [written('c.csv.gz', gzipSync('1.0.0.0,1.0.0.255,AU\n'))], ['1.0.0.1']), ['AU'])
  })
})

void describe('ASN tables of their makers', () => {
  void it('MaxMind GeoLite2: the prefix stands in the first column', async () => {
    assert.deepEqual(await looked('asn', [golden('GeoLite2-ASN-Blocks-IPv4.csv')], ['1.0.0.1', '1.0.1.0']), ['13335 CLOUDFLARENET', undefined])
  })
  void it('IP2Location: a prefix stands between the range and the number', async () => {
    assert.deepEqual(await looked('asn', [golden('ip2location-asn.csv')], ['1.0.0.1']), ['13335 CloudFlare Inc'])
  })
  void it('IP2Location with a header line: `as` is the name', async () => {
    const path = written('ip2asn.csv', 'ip_from,ip_to,cidr,asn,as\n"16777216","16777471","1.0.0.0/24","13335","CloudFlare Inc"\n')
    assert.deepEqual(await looked('asn', [path], ['1.0.0.1']), ['13335 CloudFlare Inc'])
  })
  void it('the domain is not the organisation', async () => {
    const path = written('standard.csv', '1.0.16.0,1.0.31.255,AS2519,arteria-net.com,ARTERIA Networks\n')
    assert.deepEqual(await looked('asn', [path], ['1.0.16.1']), ['2519 ARTERIA Networks'])
    const only = written('domains.csv', '1.0.16.0,1.0.31.255,AS2519,arteria-net.com\n')
    assert.deepEqual(await looked('asn', [only], ['1.0.16.1']), ['2519'])
  })
  void it('GeoIP legacy countries are not AS 3262146048', async () => {
    const fault = await faultOf('asn', golden('geoip-legacy.csv'))
    assert.match(fault, /none of its columns holds AS numbers; expected columns are .* its first line is: "194\.112\.102\.0"/)
  })
  void it('GeoIP legacy networks: number and name in one field', async () => {
    const path = written('GeoIPASNum2.csv', '16777216,16777471,"AS13335 Cloudflare, Inc."\n16778240,16779263,"AS38803 Gtelecom"\n')
    assert.deepEqual(await looked('asn', [path], ['1.0.0.1', '1.0.4.0']), ['13335 Cloudflare, Inc.', '38803 Gtelecom'])
  })
  void it('a column of numbers that are not AS numbers', async () => {
    assert.match(await faultOf('asn', written('big.csv', '1.0.0.0,1.0.0.255,3262146048,Name\n')), /column 3 holds numbers that are not AS numbers/)
    assert.match(await faultOf('asn', written('over.csv', '1.0.0.0,1.0.0.255,4294967296,Name\n')), /none of its columns holds AS numbers/)
    const named = written('over-named.csv', 'start_ip,end_ip,asn,as_name\n1.0.0.0,1.0.0.255,4294967296,Name\n')
    assert.match(await faultOf('asn', named), /its only line cannot be read: line 2 \(not an AS number\): 1\.0\.0\.0,/)
  })
  void it('two columns that could be the organisation', async () => {
    assert.match(await faultOf('asn', written('two.csv', '1.0.0.0,1.0.0.255,1,One,Uno\n')), /columns 4 and 5 could be the organisation; a header line would tell/)
  })
})

void describe('threat lists of their makers', () => {
  const cases: { name: string; path: string; hits: string[]; misses: string[] }[] = [
    { name: 'Spamhaus drop.txt', path: golden('drop.txt'), hits: ['1.10.16.0', '1.10.31.255'], misses: ['1.10.32.0'] },
    { name: 'Spamhaus drop_v4.json', path: golden('drop_v4.json'), hits: ['1.10.16.7', '2.57.122.255'], misses: ['2.57.123.0'] },
    { name: 'Feodo Tracker CSV with its fields in a comment', path: golden('feodo.csv'), hits: ['198.51.100.7'], misses: ['198.51.100.8'] },
    { name: 'the exit addresses of Tor', path: golden('tor-exit-addresses.txt'), hits: ['185.220.101.4'], misses: ['185.220.101.5'] },
    {
      name: 'Feodo Tracker CSV with a header line',
      path: written(
        'feodo-2.csv',
        '####\n# Feodo Tracker, made 2026-11-01 10:00:00\n####\r\n"first_seen_utc","dst_ip","dst_port","c2_status"\r\n"2026-11-01 10:00:00","198.51.100.7","443","online"\r\n',
      ),
      hits: ['198.51.100.7'],
      misses: ['198.51.100.8'],
    },
    {
      name: 'Feodo Tracker JSON',
      path: written('feodo.json', '[\n {"ip_address": "198.51.100.7", "port": 443},\n {"ip_address": "2001:db8::7", "port": 443}\n]\n'),
      hits: ['198.51.100.7', '2001:db8::7'],
      misses: ['198.51.100.8'],
    },
    {
      name: 'FireHOL netset',
      path: written('level1.netset', '#\n# firehol_level1\n#\n42.0.0.0/8\n9.9.9.9\n2a00:1::/32\n'),
      hits: ['42.1.2.3', '9.9.9.9', '2a00:1::9'],
      misses: ['9.9.9.8'],
    },
    {
      name: 'DShield: ranges of two addresses',
      path: written('block.txt', '# DShield.org\nStart\tEnd\tNetmask\tAttacks\tName\n91.1.2.0\t91.1.2.255\t24\t1000\tX\n'),
      hits: ['91.1.2.0', '91.1.2.200'],
      misses: ['91.1.3.0'],
    },
    { name: 'addresses with counts behind them', path: written('ipsum.txt', '# IP\tcount\n9.9.9.9\t7\n8.9.9.9\t6\n'), hits: ['9.9.9.9'], misses: ['9.9.9.8'] },
    { name: 'ranges with a dash', path: written('p2p.txt', '9.9.9.0 - 9.9.9.15\n'), hits: ['9.9.9.15'], misses: ['9.9.9.16'] },
  ]
  for (const { name, path, hits, misses } of cases)
    void it(name, async () => {
      assert.deepEqual(
        await looked('threat', [path], [...hits, ...misses]),
        [...hits.map(() => 'list'), ...misses.map(() => undefined)],
      )
    })
  void it('a list of host names is not one of the address that its lines begin with', async () => {
    const path = written('hosts', '# hosts\n0.0.0.0 bad.example\n0.0.0.0 worse.example\n')
    assert.match(await faultOf('threat', path), /none of its 2 entries can be read, the first is line 2 .*expected is one address or prefix a line/)
  })
  void it('a list of domains', async () => {
    assert.match(await faultOf('threat', written('domains.txt', 'bad.example\nworse.example\n')), /none of its 2 entries can be read/)
  })
})

void describe('tables that cannot be read', () => {
  void it('says which columns are expected and shows the first line', async () => {
    const cases: [TableName, string, RegExp][] = [
      ['country', 'nonsense', /header line names no range of addresses; expected columns are a network or a first and a last address, and a country of two letters; its first line is: nonsense/],
      ['country', 'ip,latitude\n1.0.0.0,3\n', /header line names no range of addresses/],
      ['country', 'network,name\n1.0.0.0/24,Australia\n', /header line names no country/],
      ['country', '1.0.0.0,1.0.0.255,Australia\n', /none of its columns holds countries of two letters; expected columns are .*: 1\.0\.0\.0,1\.0\.0\.255,Australia/],
      ['country', '1.0.0.0,1.0.0.255,AU,DE\n', /columns 3 and 4 could be the country; a header line would tell/],
      ['country', 'AU,1.0.0.0,1.0.0.255\n', /its lines do not begin with a range of addresses/],
      ['asn', 'network,country\n1.0.0.0/24,AU\n', /header line names no AS number/],
      ['country', '\n\n# only a comment\n', /it is empty/],
      ['country', '', /it is empty/],
      ['country', 'PK\x03\x04rest', /packed as ZIP: unpack it first/],
      ['asn', '1.0.0.0,1.0.0.255\0,1\n', /neither text nor a whole MaxMind DB file/],
      ['aws', '{}', /no list `prefixes`; expected is the ip-ranges\.json of AWS/],
      ['aws', '<html>', /it is not JSON/],
      ['aws', '{"prefixes":[{"ip_prefix":"1.0.0.0/24"}]}', /its only line cannot be read: /],
    ]
    for (const [table, text, message] of cases) assert.match(await faultOf(table, written('bad', text)), message)
    assert.equal(await faultOf('country', join(directory, 'missing')), 'there is no such file')
    assert.equal(await faultOf('country', directory), 'it is a folder')
  })
  void it('refuses a table of which more than a small share of lines is unreadable, and counts less', async () => {
    const line = (i: number): string => `1.${i >>> 8}.${i & 255}.0/24,AU\n`
    const lines = Array.from({ length: 200 }, (_, i) => line(i))
    const few = written('few.csv', [...lines, '1.2.3.4.5,AU\n', '9.0.0.0/24,Germany\n'].join(''))
    const [info] = (await load('country', few)).info
    assert.deepEqual([info!.ranges, info!.unreadableLines, info!.firstUnreadable], [200, 2, 'line 201 (no range of addresses): 1.2.3.4.5,AU'])
    const many = written('many.csv', [...lines, '1.0.0.9-1.0.0.1,AU\n', '1.0.0.0/33,AU\n', '9.0.0.0/24,D\n'].join(''))
    assert.match(await faultOf('country', many), /3 of its 203 lines cannot be read, the first is line 201 \(no range of addresses\): 1\.0\.0\.9-1\.0\.0\.1,AU/)
  })
  void it('names each file of a table that has a fault', async () => {
    const result = await compileTable(filesOf('country', [join(directory, 'gone'), golden('semicolon.csv'), written('zip', 'PK\x03\x04')]))
    assert.ok('faults' in result)
    assert.deepEqual(
      result.faults.map(({ detail }) => detail),
      ['there is no such file', 'it is packed as ZIP: unpack it first'],
    )
  })
})

void describe('ip-ranges.json', () => {
  void it('a named service wins over EC2 over AMAZON, the longer of two names that begin alike, else the first of the alphabet, in any order', async () => {
    const shared = ['AMAZON', 'EC2', 'S3', 'DYNAMODB', 'CLOUDFRONT', 'CLOUDFRONT_ORIGIN_FACING']
    const cases: [string[], string][] = [
      [['AMAZON', 'EC2'], 'EC2'],
      [['AMAZON', 'EC2', 'S3'], 'S3'],
      [['EC2', 'EC2_INSTANCE_CONNECT'], 'EC2_INSTANCE_CONNECT'],
      [['S3', 'DYNAMODB'], 'DYNAMODB'],
      [['ROUTE53_HEALTHCHECKS', 'ROUTE53_HEALTHCHECKS_PUBLISHING'], 'ROUTE53_HEALTHCHECKS_PUBLISHING'],
      [shared, 'CLOUDFRONT_ORIGIN_FACING'],
    ]
    for (const [services, expected] of cases)
      for (const order of [services, services.toReversed()]) {
        const file = {
          createDate: '2026-06-17-10-11-12',
          prefixes: order.map(service => ({ ip_prefix: '52.1.0.0/16', service })),
          ipv6_prefixes: order.map(service => ({ ipv6_prefix: '2600:1f18::/33', service })),
        }
        const path = written('ip-ranges.json', JSON.stringify(file))
        assert.deepEqual(await looked('aws', [path], ['52.1.2.3', '2600:1f18::1']), [expected, expected], String(order))
      }
  })
})
