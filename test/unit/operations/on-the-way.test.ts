// Which records on their way may change what `lookup` says of an address at a time.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mattersTo, mayBeOnTheWay, nothingOnTheWay } from '../../../operations/on-the-way.ts'

const atS = Date.parse('2026-11-24T10:00:00Z') / 1000
const keyOf = (slot: string): { bucket: string; key: string } => ({
  bucket: 'logs',
  key: `AWSLogs/001234567890/vpcflowlogs/eu-central-1/2026/11/24/001234567890_vpcflowlogs_eu-central-1_fl-0a_${slot}_0a1b2c3d.log.gz`,
})
const flowOf = (lowAddr: string | null, highAddr: string | null): Parameters<ReturnType<typeof mattersTo>['flows']>[0] => ({
  lowAddr,
  highAddr,
  lowPort: 1,
  highPort: 2,
  protocol: 6,
})

describe('a record on its way', () => {
  const matters = mattersTo('10.0.1.5', atS)

  it('of an object matters if its slot is of that UTC day or later, or not known', () => {
    const slots = ['20261123T2355Z', '20261124T0000Z', '20261124T0955Z', '20261130T0000Z']
    for (const topic of ['objectArrivals', 'rawLines'] as const) {
      assert.deepEqual(slots.map(slot => matters[topic](keyOf(slot))), [false, true, true, true]) // prettier-ignore
      assert.equal(matters[topic]({ bucket: 'logs', key: 'hose/2026/11/20/stream-1.gz' }), true)
    }
  })

  it('behind enrich matters if it is of the address', () => {
    assert.deepEqual([flowOf('10.0.1.5', '10.0.1.9'), flowOf('10.0.1.4', '10.0.1.5'), flowOf('10.0.1.4', null)].map(matters.flows), [true, true, false]) // prettier-ignore
    for (const ip of ['10.0.1.5', '10.0.1.55']) {
      assert.equal(matters.ipSightings({ scope: 'vpc-1', ip }), ip === '10.0.1.5')
      assert.equal(matters.cloudMapRuns({ scope: 'vpc-2', ip, first: 1 }), ip === '10.0.1.5')
    }
  })

  it('is of the address however that is written', () => {
    for (const asked of ['2001:DB8:0:0::0077', '2001:db8::77'])
      assert.deepEqual(['2001:db8::77', '2001:db8:0::77', '2001:db8::78'].map(ip => mattersTo(asked, atS).ipSightings({ scope: 'vpc-1', ip })), [true, true, false]) // prettier-ignore
    assert.ok(mattersTo('::ffff:10.0.1.5', atS).ipSightings({ scope: 'vpc-1', ip: '10.0.1.5' }))
  })

  it('or a Kafka that does not answer leaves the answer open', () => {
    const step = { topic: 'flows', records: 0, unclear: { records: 1, why: 'a transaction stays open' } } as const
    const all = [nothingOnTheWay, { unknown: 'no broker answers', steps: [] }, { unknown: null, steps: [step] }]
    assert.deepEqual(all.map(mayBeOnTheWay), [false, true, true])
  })
})
