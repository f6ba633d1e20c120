/** Names of columns that AWS never wrote, and formats that are refused with the reason. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig } from '../../../../../config/config.ts'
import { columnWarning, meantField, nameHints } from '../../../../../producers/s3/text/column-names.ts'
import { flowFields } from '../../../../../flow/fields.ts'

for (const [name, field] of [
  ['start_time', 'start'],
  ['src_adr', 'srcaddr'],
  ['src_addr', 'srcaddr'],
  ['srcadrd', 'srcaddr'],
  ['dst-port', 'dstport'],
  ['SrcAddr', 'srcaddr'],
  ['accountid', 'account-id'],
  ['inteface-id', 'interface-id'],
  ['destination_ip', 'dstaddr'],
  ['exported', undefined],
  ['resource-arn', undefined],
  ['srcaddr', undefined],
  ['src', undefined],
  ['timestamp', undefined],
  // names that every object has
  ['constructor', undefined],
  ['to_string', undefined],
  ['valueOf', undefined],
  ['__proto__', undefined],
] as const)
  test(`${name} means ${field ?? 'no field'}`, () => assert.equal(meantField(name), field))

test('no documented field means another one', () => {
  for (const { name } of flowFields) assert.equal(meantField(name), undefined, name)
})

test('a name is no mistake where the field that it means is there too', () => {
  assert.deepEqual(nameHints(['start', 'start_time']), [])
  assert.deepEqual(nameHints(['end', 'start_time']), ['start_time is not a flow log field; did you mean start?'])
})

test('one address under another name is missed, though the other is there; one that the format leaves out is not', () => {
  const header = (source: string): string => `version account-id interface-id ${source} dstaddr srcport dstport protocol start end`
  assert.equal(columnWarning(header('src_addr'), false), 'no column srcaddr; src_addr is not a flow log field; did you mean srcaddr?')
  for (const names of [header('srcaddr'), header('').replace('  ', ' '), header('src_addr srcaddr'), header('field-of-2030')])
    assert.equal(columnWarning(names, false), undefined, names)
})

for (const [format, fault] of [
  ['${version} ${src_adr}', /src_adr is not a flow log field; did you mean srcaddr\?/],
  ['version start_time srcaddr', /did you mean start\?/],
  ['${version},${account-id},${srcaddr}', /a format with commas: lines are read whose fields have spaces/],
  ['exported ${version} ${srcaddr}', undefined],
  ['${version} ${field-of-2030}', undefined],
  ['exported describe', undefined],
] as const)
  test(`the format ${format} is ${fault === undefined ? 'taken' : 'refused with the reason'}`, () => {
    const check = (): unknown => checkConfig({ s3: { sources: [{ bucket: 'flow-logs', format }] } })
    if (fault === undefined) check()
    else assert.throws(check, fault)
  })
