import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { noLookups, TextPool, type LookupSet } from '../../../../../processors/enrich/lookups/lookup-set.ts'
import { loadLookups, LookupTables } from '../../../../../processors/enrich/lookups/lookup-tables.ts'
import { attributeReaders } from '../../../../../processors/enrich/lookups/attribute-readers.ts'
import { addPrefix } from '../../../../../processors/enrich/lookups/address-prefix.ts'
import { protocolName, protocolNames, tcpFlagNames } from '../../../../../processors/enrich/lookups/protocol-names.ts'
import { RangeBuilder } from '../../../../../processors/enrich/lookups/range-builder.ts'
import { serviceNames, tcpServices, udpServices } from '../../../../../processors/enrich/lookups/service-names.ts'
import { parseIpv4, parseIpv6 } from '../../../../../flow/address-text.ts'
import { FlowError } from '../../../../../runtime/errors.ts'
import { createLog } from '../../../../../runtime/log.ts'
import { plain, TestEnricher } from '../../../../../harness/enrich-blocks.ts'

const directory = mkdtempSync(join(tmpdir(), 'flowloom-lookups-'))
after(() => rmSync(directory, { recursive: true }))
const log = createLog('silent')
const file = (name: string, content: string | Buffer): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
const settings = { country: 'none', asn: 'none', threats: [] as string[], reloadMs: 1000, dictionaryEntries: 1024 }
const load = (change: Partial<typeof settings> & { awsRanges?: string }): Promise<LookupSet> => loadLookups({ ...settings, ...change }, log)

/** What the tables say of an address. */
function look(tables: LookupSet, ip: string): Record<string, unknown> {
  const { rows, encoded } = new TestEnricher({ tables }).run(
    'srcaddr dstaddr pkt-srcaddr pkt-dstaddr',
    `${ip} ${ip} ${ip} 10.0.0.1\n10.0.0.1 ${ip} ${ip} -`,
  )
  assert.deepEqual(plain(encoded.map(({ value }) => value).sort((a, b) => a.line - b.line)), plain(rows))
  const { srcCountry, srcAsn, srcAsOrg, srcThreat, srcAwsService } = rows[0]!
  return { country: srcCountry, asn: srcAsn, org: srcAsOrg, threat: srcThreat, service: srcAwsService }
}

void describe('range tables', () => {
  const country = [
    { name: 'CSV with dotted addresses', text: '1.0.0.0,1.0.0.255,AU\n2001:200::,2001:200:ffff:ffff:ffff:ffff:ffff:ffff,JP\n' },
    {
      name: 'CSV with numbers',
      text: '16777216,16777471,AU\n42540528726795050063891204319802818560,42540528806023212578155541913346768895,JP\n',
    },
    {
      name: 'CSV with quotes and carriage returns',
      text: '"1.0.0.0","1.0.0.255","AU"\r\n"2001:200::","2001:200:ffff:ffff:ffff:ffff:ffff:ffff","JP"\r\n',
    },
    { name: 'TSV with a comment', text: '# made today\n1.0.0.0\t1.0.0.255\tAU\n2001:200::\t2001:200:ffff:ffff:ffff:ffff:ffff:ffff\tJP\n' },
    {
      name: 'iptoasn TSV',
      text: '1.0.0.0\t1.0.0.255\t13335\tAU\tCLOUDFLARENET\n2001:200::\t2001:200:ffff:ffff:ffff:ffff:ffff:ffff\t2500\tJP\tWIDE\n',
    },
  ]
  for (const { name, text } of country)
    it(`country: ${name}`, async () => {
      const tables = await load({ country: file('country.csv', text) })
      assert.deepEqual(
        [
          look(tables, '1.0.0.0'),
          look(tables, '1.0.0.255'),
          look(tables, '1.0.1.0'),
          look(tables, '2001:200::5'),
          look(tables, '2001:201::'),
        ].map(x => x['country']),
        ['AU', 'AU', null, 'JP', null],
      )
    })

  const asn = [
    { name: 'ip-location-db CSV', content: '1.0.0.0,1.0.0.255,13335,"Cloudflare, ""Inc"""\n1.0.4.0,1.0.7.255,38803,Gtelecom\n' },
    { name: 'numbers', content: '16777216,16777471,13335,"Cloudflare, ""Inc"""\n16778240,16779263,38803,Gtelecom\n' },
    {
      name: 'iptoasn TSV, gzipped',
      content: gzipSync(
        '1.0.0.0\t1.0.0.255\t13335\tUS\tCloudflare, "Inc"\n1.0.1.0\t1.0.3.255\t0\tNone\tNot routed\n1.0.4.0\t1.0.7.255\t38803\tAU\tGtelecom\n',
      ),
    },
  ]
  for (const { name, content } of asn)
    it(`ASN: ${name}`, async () => {
      const tables = await load({ asn: file('asn.csv', content) })
      assert.deepEqual(
        [look(tables, '1.0.0.7'), look(tables, '1.0.2.0'), look(tables, '1.0.4.0')].map(x => [x['asn'], x['org']]),
        [
          [13_335, 'Cloudflare, "Inc"'],
          [null, null],
          [38_803, 'Gtelecom'],
        ],
      )
    })

  void it('reads the installed packages', async () => {
    const { country: _country, asn: _asn, ...rest } = settings
    const tables = await loadLookups(rest, log)
    assert.deepEqual(look(tables, '8.8.8.8'), { country: 'US', asn: 15_169, org: 'Google LLC', threat: null, service: null })
    assert.equal(look(tables, '2001:4860:4860::8888')['asn'], 15_169)
    assert.deepEqual(look(tables, '10.0.0.1'), { country: null, asn: null, org: null, threat: null, service: null })
    for (const info of tables.info) {
      assert.match(info.dataDate, /^\d{4}-\d{2}-\d{2}/)
      assert.equal(info.licence, 'CC BY 4.0')
      assert.match(info.attribution!, /db-ip\.com/)
    }
  })

  void it('takes the most specific AWS range, and of equal ones the one that is not AMAZON', async () => {
    const ranges = {
      createDate: '2026-06-17-10-11-12',
      prefixes: [
        { ip_prefix: '52.0.0.0/8', service: 'AMAZON' },
        { ip_prefix: '52.1.0.0/16', service: 'S3' },
        { ip_prefix: '52.1.0.0/16', service: 'AMAZON' },
        { ip_prefix: '52.1.2.0/24', service: 'DYNAMODB' },
      ],
      ipv6_prefixes: [
        { ipv6_prefix: '2600:1f00::/24', service: 'AMAZON' },
        { ipv6_prefix: '2600:1f18::/33', service: 'EC2' },
      ],
    }
    const tables = await load({ awsRanges: file('ip-ranges.json', JSON.stringify(ranges)) })
    assert.deepEqual(
      ['52.9.9.9', '52.1.9.9', '52.1.2.3', '52.1.3.0', '53.0.0.0', '2600:1f00::1', '2600:1f18::1', '2600:1f18:8000::1'].map(
        ip => look(tables, ip)['service'],
      ),
      ['AMAZON', 'S3', 'DYNAMODB', 'S3', null, 'AMAZON', 'EC2', 'AMAZON'],
    )
    assert.equal(tables.info[0]!.dataDate, '2026-06-17T10:11:12Z')
  })

  void it('names the threat list, says empty for what is not listed, and null for what is never looked up', async () => {
    const bad = file('bad.netset', '# Category: attacks\n42.0.0.0/8\n10.0.0.0/8 ; private ranges are in some lists\n2a00::/16\n9.9.9.9\n')
    const worse = file('worse.txt', '42.1.0.0/16 ; SBL1\n; end\n')
    const tables = await load({ threats: [`bad=${bad}`, `worse=${worse}`] })
    assert.deepEqual(
      ['42.9.0.1', '42.1.0.1', '9.9.9.9', '9.9.9.8', '2a00::1', '10.0.0.1', '203.0.113.1'].map(ip => look(tables, ip)['threat']),
      ['bad', 'worse', 'bad', '', 'bad', null, null],
    )
  })

  void it('resolves any overlap as a plain search does', () => {
    const prefix = fc.record({ address: fc.integer({ min: 0, max: 255 }), bits: fc.integer({ min: 24, max: 32 }), value: fc.nat(5) })
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 12 }), prefixes => {
        const builder = new RangeBuilder()
        const v6 = new RangeBuilder()
        prefixes.forEach(({ address, bits, value }) => {
          assert.ok(addPrefix(builder, `1.2.3.${address}/${bits}`, value, value % 2))
          assert.ok(addPrefix(v6, `2001:db9::${address.toString(16)}/${bits + 96}`, value, value % 2))
        })
        const table = builder.build()
        const table6 = v6.build()
        for (let address = 0; address < 256; address++) {
          const hits = prefixes.filter(({ address: base, bits }) => address >>> (32 - bits) === base >>> (32 - bits))
          hits.sort((a, b) => b.bits - a.bits || (b.value % 2) - (a.value % 2))
          assert.equal(table.find4(parseIpv4(`1.2.3.${address}`)!), hits[0]?.value ?? -1)
          assert.equal(table6.find6(parseIpv6(`2001:db9::${address.toString(16)}`)!), hits[0]?.value ?? -1)
        }
      }),
    )
  })

  void it('refuses a file that is missing, empty or of another kind', async () => {
    const refused = { code: 'LOOKUP_FILE' }
    await assert.rejects(load({ country: join(directory, 'missing.csv') }), refused)
    await assert.rejects(load({ country: file('empty.csv', '') }), refused)
    await assert.rejects(load({ awsRanges: file('not.json', '{}') }), refused)
    await assert.rejects(load({ threats: ['nothing here=/dev/null'] }), refused)
  })

  void it('understands both shapes of MaxMind records', () => {
    const { Country, Asn, AsOrg } = attributeReaders
    assert.equal(Country.record({ country: { iso_code: 'DE' } }), 'DE')
    // where a network is registered is not where it is
    assert.equal(Country.record({ registered_country: { iso_code: 'FR' } }), null)
    assert.equal(Country.record({ country_code: 'US' }), 'US')
    assert.equal(Country.record({ country: 'JP' }), 'JP')
    assert.equal(Country.record({ country: {} }), null)
    const nested = { autonomous_system_number: 15_169, autonomous_system_organization: 'Google LLC' }
    assert.deepEqual([Asn.record(nested), AsOrg.record(nested)], [15_169, 'Google LLC'])
    const flat = { asn: 'AS1', as_name: 'One' }
    assert.deepEqual([Asn.record(flat), AsOrg.record(flat)], [1, 'One'])
    assert.equal(Asn.record({}), null)
  })
})

void describe('LookupTables', () => {
  void it('loads once, loads again when a file changes, and keeps the old tables when that fails', async () => {
    const path = file('reload.csv', '1.0.0.0,1.0.0.255,AU\n')
    const changes: LookupSet[] = []
    const tables = new LookupTables({ ...settings, country: path }, log, { onChange: set => changes.push(set) })
    assert.equal(tables.current, noLookups)
    await Promise.all([tables.refresh(0), tables.refresh(0)])
    assert.equal(changes.length, 1)
    writeFileSync(path, '1.0.0.0,1.0.0.255,NZ\n')
    utimesSync(path, new Date(1), new Date(1))
    await tables.refresh(999)
    assert.equal(changes.length, 1)
    await tables.refresh(1000)
    // a later load goes on beside the work
    assert.equal(changes.length, 1)
    await tables.settled()
    assert.equal(changes.length, 2)
    assert.equal(look(tables.current, '1.0.0.1')['country'], 'NZ')
    writeFileSync(path, 'nonsense')
    await tables.refresh(2000)
    await tables.settled()
    assert.equal(look(tables.current, '1.0.0.1')['country'], 'NZ')
    await tables.refresh(3000)
    await tables.settled()
    assert.equal(changes.length, 2)
  })

  void it('fails at the first load where a named file is missing', async () => {
    const tables = new LookupTables({ ...settings, country: join(directory, 'absent') }, log, { onChange: () => undefined })
    await assert.rejects(tables.refresh(0), (error: unknown) => error instanceof FlowError && error.code === 'LOOKUP_FILE')
  })
})

void describe('built-in names', () => {
  void it('knows IANA protocol keywords by number', () => {
    assert.equal(protocolNames.length, 147)
    assert.deepEqual([0, 1, 2, 6, 17, 33, 41, 47, 50, 51, 58, 89, 103, 112, 115, 132, 136, 139, 143, 146].map(protocolName), [
      'hopopt',
      'icmp',
      'igmp',
      'tcp',
      'udp',
      'dccp',
      'ipv6',
      'gre',
      'esp',
      'ah',
      'ipv6-icmp',
      'ospfigp',
      'pim',
      'vrrp',
      'l2tp',
      'sctp',
      'udplite',
      'hip',
      'ethernet',
      'homa',
    ])
    assert.deepEqual([61, 255, null].map(protocolName), [null, null, null])
  })

  void it('names TCP flags in a fixed order', () => {
    assert.deepEqual([0, 1, 2, 3, 18, 19, 63, 64, null].map(tcpFlagNames), [
      '',
      'FIN',
      'SYN',
      'SYN+FIN',
      'SYN+ACK',
      'SYN+ACK+FIN',
      'SYN+ACK+FIN+RST+PSH+URG',
      '',
      null,
    ])
  })

  void it('knows about 150 service ports', () => {
    const known = (table: Uint16Array): number => table.filter(id => id !== 0).length
    assert.ok(known(tcpServices) > 110 && known(udpServices) > 50)
    assert.deepEqual(
      [22, 53, 80, 443, 3306, 12_345].map(port => serviceNames[tcpServices[port]!]),
      ['ssh', 'domain', 'http', 'https', 'mysql', ''],
    )
    assert.deepEqual(
      [53, 123, 443, 514].map(port => serviceNames[udpServices[port]!]),
      ['domain', 'ntp', 'quic', 'syslog'],
    )
    assert.equal(new TextPool().idOf('a'), 0)
  })
})
