// What a record takes from its line, its key and its source: service port, account, times, the values of a gap.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { defaultFormat } from '../../../../flow/fields.ts'
import { TestEnricher } from '../../../../harness/enrich-blocks.ts'

const noOrigin = { accountId: null, region: null, slotStart: null }

void describe('a chosen source port does not hide the service: TCP flags say it', () => {
  const service = (
    source: number | string,
    destination: number | string,
    flags: number | string,
    protocol: number | string = 6,
  ): unknown[] => {
    const { encoded } = new TestEnricher().run('srcport dstport protocol tcp-flags', `${source} ${destination} ${protocol} ${flags}`)
    const { servicePort, servicePortSource } = encoded[0]!.value
    return [servicePort, servicePortSource]
  }
  for (const [client, port] of [
    [443, 3389],
    [20, 22],
    [53, 3306],
    [80, 8080],
    [1024, 30_080],
  ] as const)
    it(`SYN in and SYN+ACK out, ${client} to ${port}`, () => {
      assert.deepEqual(service(client, port, 2), [port, 'tcp_flags'])
      assert.deepEqual(service(client, port, 3), [port, 'tcp_flags'])
      assert.deepEqual(service(port, client, 18), [port, 'tcp_flags'])
      assert.deepEqual(service(port, client, 19), [port, 'tcp_flags'])
    })

  const cases: { name: string; args: [number | string, number | string, number | string, (number | string)?]; expect: unknown[] }[] = [
    { name: 'our own client connection 40000 to 50051', args: [40_000, 50_051, 2], expect: [50_051, 'tcp_flags'] },
    { name: 'flags without SYN: the port with a known name', args: [40_000, 443, 0], expect: [443, 'inferred'] },
    { name: 'no flags: the same', args: [443, 40_000, '-'], expect: [443, 'inferred'] },
    { name: 'ACK alone', args: [443, 40_000, 16], expect: [443, 'inferred'] },
    { name: 'UDP has no flags', args: [53, 40_000, 2, 17], expect: [53, 'inferred'] },
    { name: 'ICMP has no ports', args: [0, 0, 0, 1], expect: [null, null] },
    { name: 'the port that the flags name is absent', args: [40_000, '-', 2], expect: [null, null] },
  ]
  for (const { name, args, expect } of cases)
    it(name, () => {
      assert.deepEqual(service(...args), expect)
    })
})

void describe('account, region and scope that a line does not name', () => {
  const columns = 'account-id region vpc-id interface-id srcaddr dstaddr start end log-status flow-direction'
  const run = (account: string, region: string, vpc: string, status: string, key: string | null, source: string | null) =>
    new TestEnricher().run(columns, `${account} ${region} ${vpc} eni-1 10.0.0.1 10.0.0.2 1 2 ${status} egress`, {
      origin: {
        accountId: key,
        region: key === null ? null : 'us-east-1',
        slotStart: null,
        source: { accountId: source, region: source === null ? null : 'eu-north-1', scope: source === null ? null : 'sales' },
      },
    })
  const [own, ofKey, ofSource] = ['111122223333', '444455556666', '777788889999']
  const cases: {
    name: string
    args: [string, string, string, string | null, string | null]
    account: string | null
    scope: string | null
  }[] = [
    { name: 'the line names it', args: [own, 'ap-east-1', '-', ofKey, null], account: own, scope: `${own}/ap-east-1` },
    { name: 'account unknown: that of the key', args: ['unknown', '-', '-', ofKey, ofSource], account: ofKey, scope: 'sales' },
    { name: 'account absent: that of the key', args: ['-', '-', '-', ofKey, null], account: ofKey, scope: `${ofKey}/us-east-1` },
    { name: 'nothing in the key: that of the source', args: ['unknown', '-', '-', null, ofSource], account: ofSource, scope: 'sales' },
    {
      name: 'a VPC goes before the scope of the source',
      args: ['unknown', '-', 'vpc-1', null, ofSource],
      account: ofSource,
      scope: 'vpc-1',
    },
    { name: 'account unknown and nothing else: no scope', args: ['unknown', 'us-east-1', '-', null, null], account: null, scope: null },
  ]
  for (const { name, args, account, scope } of cases)
    it(name, () => {
      const [lineAccount, region, vpc, key, source] = args
      const flow = run(lineAccount, region, vpc, 'OK', key, source)
      assert.equal(flow.encoded[0]!.value.accountId, account)
      assert.deepEqual(
        flow.sightings.map(sighting => [sighting.key.scope, sighting.value.owner.accountId]),
        scope === null ? [] : [[scope, account]],
      )
      const { gaps } = run(lineAccount, region, vpc, 'NODATA', key, source)
      assert.equal(gaps[0]!.accountId, account)
    })
})

void describe('a logged start or end is kept where the other is missing', () => {
  const cases: { name: string; times: string; slot: number | null; expect: [number, number, string, string | null] }[] = [
    { name: 'start alone, key without a slot', times: '500 -', slot: null, expect: [500, 500, 'none', 'start'] },
    { name: 'end alone, key without a slot', times: '- 560', slot: null, expect: [560, 560, 'none', 'end'] },
    { name: 'none, key without a slot', times: '- -', slot: null, expect: [0, 0, 'none', null] },
    { name: 'start alone, key with a slot', times: '500 -', slot: 300, expect: [500, 599, 'slot', null] },
    { name: 'end alone, key with a slot', times: '- 560', slot: 300, expect: [300, 560, 'slot', null] },
    { name: 'both', times: '500 560', slot: 300, expect: [500, 560, 'logged', null] },
  ]
  for (const { name, times, slot, expect } of cases)
    for (const status of ['OK', 'SKIPDATA'])
      it(`${name}, ${status}`, () => {
        const { encoded, gaps } = new TestEnricher().run('interface-id start end log-status', `eni-1 ${times} ${status}`, {
          origin: { ...noOrigin, slotStart: slot },
        })
        const { start, end, timeSource, timeKept } = status === 'OK' ? encoded[0]!.value : gaps[0]!
        assert.deepEqual([start, end, timeSource, timeKept], expect)
      })
})

void describe('NODATA and SKIPDATA lines that carry values keep them', () => {
  void it('in columns as far as a gap has them, else in extra', () => {
    const columns = 'version account-id interface-id resource-id srcaddr bytes start end own-column tcp-flags log-status'
    const { gaps } = new TestEnricher().run(
      columns,
      '5 111122223333 eni-1 nat-1 10.0.0.1 7 1 2 x 0 NODATA\n- 111122223333 - nat-1 - - 1 2 - - SKIPDATA',
    )
    assert.deepEqual(
      gaps.map(({ interfaceId, extra }) => [interfaceId, extra]),
      [
        ['eni-1', { version: '5', 'resource-id': 'nat-1', srcaddr: '10.0.0.1', bytes: '7', 'own-column': 'x', 'tcp-flags': '0' }],
        // the observer stands in the gap itself
        ['nat-1', null],
      ],
    )
  })

  void it('of the default format the version alone', () => {
    const { gaps } = new TestEnricher().run(defaultFormat.join(' '), '2 111122223333 eni-1 - - - - - - - 1 2 - NODATA')
    assert.deepEqual(gaps[0]!.extra, { version: '2' })
  })
})
