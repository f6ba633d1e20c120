// Events of Security Lake as the audit reads them, whatever the physical type of their numbers: INT64 columns give BigInt, others numbers.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plainEvent } from '../../../audit/plain-ocsf.ts'

const event = {
  class_uid: 4001,
  metadata: { product: { name: 'Amazon VPC' } },
  src_endpoint: { ip: '10.0.0.1', port: 40_000, intermediate_ips: null },
  dst_endpoint: { ip: '10.0.0.2', port: 443, intermediate_ips: ['10.0.0.3'] },
  connection_info: { protocol_num: 6, tcp_flags: 2, boundary_id: 5 },
  traffic: { packets: 3, bytes: 2 ** 40 },
  time: 1_796_004_000_000,
  start_time: 1_796_004_000_000,
  end_time: 1_796_004_050_000,
  action_id: 2,
  status_code: 'OK',
}
const words = {
  srcaddr: '10.0.0.1',
  dstaddr: '10.0.0.3',
  'pkt-srcaddr': '10.0.0.1',
  'pkt-dstaddr': '10.0.0.2',
  srcport: '40000',
  dstport: '443',
  protocol: '6',
  'tcp-flags': '2',
  'traffic-path': '2',
  packets: '3',
  bytes: '1099511627776',
  start: '1796004000',
  end: '1796004050',
  action: 'REJECT',
  'log-status': 'OK',
}
const asWords = (values: Record<string, unknown> | undefined): object | undefined =>
  values && Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]))

/** The event with some of its numbers as BigInt. */
function typed(value: unknown, isLong: () => boolean): unknown {
  if (typeof value === 'number') return isLong() ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(each => typed(each, isLong))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, typed(each, isLong)]))
}
const typedEvent = (of: object, isLong: () => boolean): Record<string, unknown> => typed(of, isLong) as Record<string, unknown>

test('an event says the same whatever numbers are of 64 bits', () =>
  fc.assert(
    fc.property(fc.infiniteStream(fc.boolean()), longs => {
      const isLong = (): boolean => longs.next().value as boolean
      assert.deepEqual(asWords(plainEvent(typedEvent(event, isLong))), words)
    }),
  ))

test('an event of another class is of another kind, in both types', () => {
  for (const isLong of [true, false]) assert.equal(plainEvent(typedEvent({ ...event, class_uid: 4003 }, () => isLong)), undefined)
})

test('times in thousandths of seconds of every power are the same seconds', () => {
  for (const power of [0, 1, 2, 3])
    for (const isLong of [true, false]) {
      const times = { start_time: 1_796_004_000 * 1000 ** power, end_time: 1_796_004_050 * 1000 ** power }
      assert.deepEqual(asWords(plainEvent(typedEvent({ ...event, ...times }, () => isLong))), words)
    }
})
