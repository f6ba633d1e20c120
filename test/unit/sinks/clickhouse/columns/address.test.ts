// Text of addresses to the 16 bytes of ClickHouse's IPv6.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { addressBytes } from '../../../../../sinks/clickhouse/columns/address.ts'
import { addressHex } from '../../../../support/records/flow-records.ts'

const hex = (text: string): string | null => {
  const bytes = addressBytes(text)
  return bytes === null ? null : Buffer.from(bytes).toString('hex')
}

describe('addresses', () => {
  it('are parsed as the URL parser does', () => {
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), text => assert.equal(hex(text), addressHex(text))))
  })

  for (const text of [
    '::',
    '::1',
    '1::',
    '2001:db8::1',
    'fe80::1:2:3:4',
    '1:2:3:4:5:6:7::',
    '::ffff:1.2.3.4',
    '64:ff9b::1.2.3.4',
    'ABCD::ef01',
  ])
    it(`reads ${text}`, () => assert.equal(hex(text), addressHex(text)))

  for (const text of [
    '',
    '-',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1..2.3',
    '1.2.3.4 ',
    ':',
    ':::',
    '1:2',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '12345::',
    'g::',
    '1:2:3:4:5:6:7:1.2.3.4',
    'xxx.xxx.1.2',
  ])
    it(`refuses '${text}'`, () => assert.equal(hex(text), null))
})
