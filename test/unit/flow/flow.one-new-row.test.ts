/**
 * One new row carries a value: a copy of the source gets an invented row of each kind, and nothing else but what is generated and the columns of
 * the tables. An attribute needs a second row, which makes its values: how the files of its lookup table say it.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { writeMmdb } from '../../support/files/mmdb-writer.ts'

const root = join(import.meta.dirname, '../../..')
const invented = {
  'flow/fields.ts': [
    "f('owner-team', 12, 'STRING', 'observer', 'ownerTeam', 'team that owns the interface')",
    "f('app-protocol', 12, 'STRING', 'traits', 'appProtocol', 'protocol of the application')",
    "f('dscp', 12, 'INT_32', 'traits', 'dscp', 'differentiated services code point', { most: 63, absentBit: 18 })",
    "f('packets-lost-policy', 12, 'INT_64', 'counter', 'packetsLost.policy', 'packets lost by policy')",
    "f('retransmits', 12, 'INT_64', 'counter', 'retransmits', 'packets that were sent again')",
  ],
  'flow/attributes.ts': [
    "a({ name: 'Continent', type: 'string', doc: 'continent', column: 'continent', stored: 'LowCardinality(String)', lookup: 'country' })",
    "a({ name: 'Radius', type: 'long', doc: 'kilometres about the place', column: 'radius', stored: 'UInt32', lookup: 'country' })",
    "a({ name: 'AwsRegion', type: 'string', doc: 'region of the prefix', column: 'aws_region', stored: 'LowCardinality(String)', lookup: 'aws' })",
    "a({ name: 'Blocked', type: 'string', doc: 'list, in capitals', column: 'blocked', stored: 'LowCardinality(String)', lookup: 'threat' })",
  ],
} as const

/** How the files of the tables say the invented attributes. */
const readers = {
  Continent: `{
    header: ['continent_code', 'continent'],
    field: field => (isNone(field) ? null : field),
    kind: 'a continent',
    record: ({ continent }) => text((continent as MmdbRecord | undefined)?.['code']),
  }`,
  Radius: `{
    header: ['radius'],
    field: field => (field === '' ? null : /^[0-9]+$/.test(field) ? Number(field) : undefined),
    kind: 'a whole number',
    record: ({ radius }) => (typeof radius === 'number' ? radius : null),
  }`,
  AwsRegion: '{ entry: ({ region }) => text(region) }',
  Blocked: '{ list: name => name.toUpperCase() }',
}
const readersFile = 'processors/enrich/lookups/attribute-readers.ts'

/** Compiles the files of a table, and prints what is said of an address: a file of the copy. */
const look = `
import { attributeRows } from './flow/attributes.ts'
import { parseIpv4 } from './flow/address-text.ts'
import { compileTable } from './processors/enrich/lookups/compile-table.ts'
import { attributeValue, lookupSetOf } from './processors/enrich/lookups/lookup-set.ts'
import { annotateAddresses } from './processors/enrich/annotate.ts'
import { AddressDictionary } from './flow/address-dictionary.ts'
import { attributeSources } from './flow/attributes.ts'
const [table, ...paths] = process.argv.slice(2)
const { compiled, faults } = await compileTable(paths.map(path => ({ table, path, list: 'list' })))
if (faults !== undefined) throw new Error(JSON.stringify(faults))
const tables = lookupSetOf([compiled])
const addresses = new AddressDictionary(100)
const said = ['1.0.0.1', '2.0.0.1', '3.0.0.1', '9.0.0.1'].map(ip => {
  const id = addresses.internV4(parseIpv4(ip))
  annotateAddresses(addresses.current, tables)
  return attributeRows.flatMap(({ name, lookup, type }, i) => {
    const value = attributeValue(tables, i, addresses.current.looked[attributeSources[i]][id])
    return lookup === table ? [value < 0 ? null : type === 'string' ? tables.texts.texts[value] : value] : []
  })
})
console.log(JSON.stringify(said))
`

/** Three networks; of the second only the continent is known. The fourth address that is asked for is in none. */
const records = [
  { country: { iso_code: 'AU' }, continent: { code: 'OC' }, radius: 5 },
  { continent: { code: 'EU' } },
  { country: { iso_code: 'JP' }, radius: 0 },
]
const saidOfCountries = [
  ['AU', 'OC', 5],
  [null, 'EU', null],
  ['JP', null, 0],
  [null, null, null],
]
const prefixes = ['1.0.0.0/24', '2.0.0.0/24', '3.0.0.0/24']
const geonames = 'network,geoname_id,radius\n1.0.0.0/24,1,5\n2.0.0.0/24,2,\n3.0.0.0/24,3,0\n'
const locations = 'geoname_id,continent_code,country_iso_code\n1,OC,AU\n2,EU,\n3,,JP\n'
const awsFile = {
  prefixes: [
    { ip_prefix: '1.0.0.0/24', service: 'S3', region: 'eu-west-1' },
    { ip_prefix: '2.0.0.0/24', service: 'S3', region: 'us-east-1' },
    { ip_prefix: '3.0.0.0/24', service: 'EC2' },
  ],
}
const tables: readonly { table: string; files: Readonly<Record<string, string | Buffer>>; said: unknown }[] = [
  {
    table: 'country',
    files: {
      'country.mmdb': writeMmdb({
        ipVersion: 4,
        networks: [1, 2, 3].map((octet, i) => ({ bits: octet.toString(2).padStart(8, '0') + '0'.repeat(16), record: records[i]! })),
      }).bytes,
    },
    said: saidOfCountries,
  },
  {
    table: 'country',
    files: {
      'country.csv': `network,country_code,continent,radius\n${prefixes.map((prefix, i) => `${prefix},${['AU', '', 'JP'][i]!},${['OC', 'EU', ''][i]!},${['5', '', '0'][i]!}`).join('\n')}\n`,
    },
    said: saidOfCountries,
  },
  { table: 'country', files: { 'blocks.csv': geonames, 'locations.csv': locations }, said: saidOfCountries },
  {
    table: 'aws',
    files: { 'ip-ranges.json': JSON.stringify(awsFile) },
    said: [
      ['S3', 'eu-west-1'],
      ['S3', 'us-east-1'],
      ['EC2', null],
      [null, null],
    ],
  },
  // only the attribute that says so has the empty text if the table does not list the address
  { table: 'threat', files: { 'list.txt': '1.0.0.0/24\n' }, said: [['list', 'LIST'], ...[2, 3, 9].map(() => ['', null])] },
]

let copy: string
before(() => {
  copy = mkdtempSync(join(tmpdir(), 'one-new-row-'))
  for (const folder of [
    'aws',
    'config',
    'audit',
    'cli',
    'flow',
    'harness',
    'operations',
    'processors',
    'producers',
    'reference',
    'runtime',
    'schemas',
    'sinks',
    'stack',
    'test/support',
    'package.json',
    'topology.ts',
    'tsconfig.json',
  ])
    cpSync(join(root, folder), join(copy, folder), { recursive: true })
  mkdirSync(join(copy, 'test/unit/flow'), { recursive: true })
  cpSync(join(root, 'test/unit/flow/flow.tables.test.ts'), join(copy, 'test/unit/flow/flow.tables.test.ts'))
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  for (const [file, rows] of Object.entries(invented)) {
    const text = readFileSync(join(copy, file), 'utf8')
    assert.match(text, /^\] as const/m)
    writeFileSync(join(copy, file), text.replace(/^\] as const/m, `  ${rows.join(',\n  ')},\n] as const`))
  }
  writeFileSync(join(copy, 'look.ts'), look)
  writeFileSync(join(copy, 'tsconfig.one-file.json'), JSON.stringify({ extends: './tsconfig.json', include: [readersFile] }))
})
after(() => rmSync(copy, { recursive: true, force: true }))

/** Runs a file of the copy. @returns What it printed. */
function run(...args: string[]): { readonly status: number | null; readonly printed: string } {
  const { NODE_TEST_CONTEXT: _context, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', ...args], { cwd: copy, env, encoding: 'utf8' })
  return { status, printed: stdout + stderr }
}

describe('a new row of a table of flow/', () => {
  it('of an attribute without a reader fails, at the start and by type: it does not have the value of another', () => {
    const { status, printed } = run(join(copy, readersFile))
    assert.notEqual(status, 0)
    assert.match(
      printed,
      /the attribute Continent has no reader: say in processors\/enrich\/lookups\/attribute-readers\.ts how the files of the table `country` say it/,
    )
    const types = run(join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--project', 'tsconfig.one-file.json')
    assert.match(types.printed, /attribute-readers\.ts.* missing the following properties .*Continent, Radius, AwsRegion, Blocked/)
    const text = readFileSync(join(copy, readersFile), 'utf8')
    const rows = Object.entries(readers).map(([name, reader]) => `  ${name}: ${reader},\n`)
    writeFileSync(join(copy, readersFile), text.replace(/^\}\n\nfor \(const /m, `${rows.join('')}}\n\nfor (const `))
    const typed = run(join(root, 'node_modules/typescript/bin/tsc'), '--noEmit', '--project', 'tsconfig.one-file.json')
    assert.equal(typed.status, 0, typed.printed)
  })

  for (const { table, files, said } of tables)
    it(`of an attribute with a reader has what its own column of the table ${table} says: ${Object.keys(files).join(', ')}`, () => {
      const paths = Object.entries(files).map(([name, content]) => {
        writeFileSync(join(copy, name), content)
        return join(copy, name)
      })
      const { status, printed } = run('look.ts', table, ...paths)
      assert.equal(status, 0, printed)
      assert.deepEqual(JSON.parse(printed), said)
    })

  it('is carried everywhere; a table without its column fails, and the line to add is named', () => {
    const generated = run('reference/generate.ts')
    assert.equal(generated.status, 0, generated.printed)
    const test = join(copy, 'test/unit/flow/flow.tables.test.ts')
    const without = run('--test', '--test-reporter=tap', test)
    assert.notEqual(without.status, 0)
    const lines = [...new Set([...without.printed.matchAll(/^ *(ALTER TABLE \{database\}\..*;)$/gm)].map(match => match[1]!))]
    assert.deepEqual(
      lines.map(line => / (\S+) ADD COLUMN IF NOT EXISTS (\w+ \S+)/.exec(line)!.slice(1).join(' ')),
      [
        '{database}.interfaces owner_team String',
        '{database}.flows app_protocol LowCardinality(String)',
        '{database}.flows dscp UInt8',
        '{database}.flows local_continent LowCardinality(String)',
        '{database}.flows remote_continent LowCardinality(String)',
        '{database}.flows local_radius UInt32',
        '{database}.flows remote_radius UInt32',
        '{database}.flows local_aws_region LowCardinality(String)',
        '{database}.flows remote_aws_region LowCardinality(String)',
        '{database}.flows local_blocked LowCardinality(String)',
        '{database}.flows remote_blocked LowCardinality(String)',
        '{database}.flows retransmits Nullable(UInt64)',
      ],
    )
    assert.equal(without.printed.match(/^ +not ok /gm)?.length, 1, without.printed)
    writeFileSync(join(copy, 'schemas/clickhouse/9999-invented.sql'), `${lines.join('\n')}\n`)
    const whole = run('--test', '--test-reporter=tap', test)
    assert.equal(whole.status, 0, whole.printed)
  })

  it('that says nothing of how an absent number differs from 0 fails', () => {
    const file = join(copy, 'flow/fields.ts')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace('{ most: 63, absentBit: 18 }', '{ most: 63 }'))
    const { status, printed } = run('--test', join(copy, 'test/unit/flow/flow.tables.test.ts'))
    assert.notEqual(status, 0)
    assert.match(printed, /dscp needs an absentBit or isNeverZero/)
  })
})
