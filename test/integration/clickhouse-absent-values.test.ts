// Views that show flows never show an absent value as a real one: random records with absent values against a model of its own.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import fc from 'fast-check'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { anyFlow, flow } from '../support/records/flow-records.ts'
import { flowLogRow, flowOwnersRow, type Cell, type KnownRun } from '../support/references/shown-flow-reference.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { setUpSink, testObjectId } from '../support/clickhouse/sink-setup.ts'

/** Seeds of records; one that fails is added here. */
const seeds = [1, 2, 3]
const dayS = 86_400
/** Noon of a day: runs and records are away from midnight, of which another test asks. */
const noon = 20_400 * dayS + dayS / 2
const addresses = ['10.0.0.1', '10.0.0.2', '203.0.113.5', '198.51.100.7', '2001:db8::1', '::'] as const
const scopes = ['vpc-1', 'vpc-abcdefab012345678', 'sales', '123456789012/us-east-1', 'aws'] as const

const address = fc.option(fc.constantFrom(...addresses), { freq: 3 })
const record = fc
  .tuple(
    anyFlow,
    fc.record({ srcAddr: address, dstAddr: address, pktSrcAddr: address, pktDstAddr: address }),
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 9000 }),
    fc.integer({ min: 0, max: 600 }),
  ) // prettier-ignore
  .map(([any, ends, day, second, lasting]): FlowRecord => {
    const { timeSource, timeKept } = any
    const start = timeSource === 'none' && timeKept === null ? 0 : noon + day * dayS + second
    // as enrich writes them: an unknown time is equal to the known one, and 0 if neither is known
    return { ...any, ...ends, start, end: timeSource === 'none' ? start : start + lasting, objectId: testObjectId }
  })

const anyRun = fc
  .record({
    scope: fc.constantFrom(...scopes),
    ip: fc.constantFrom(...addresses),
    day: fc.integer({ min: 0, max: 3 }),
    second: fc.integer({ min: 0, max: 4000 }),
    lasting: fc.integer({ min: 0, max: 4000 }),
    conflictS: fc.constantFrom(0, 0, 30),
    doubt: fc.option(fc.integer({ min: 0, max: 4000 })),
    interfaceId: fc.constantFrom('eni-0', 'eni-other'),
    instanceId: fc.option(fc.constantFrom('i-7', 'i-8')),
  })
  .map(({ day, second, lasting, doubt, ...run }): KnownRun => {
    const from = noon + day * dayS + second
    const isAws = run.scope === 'aws'
    return { ...run, from, lastSeen: from + lasting, doubtTo: doubt === null ? null : from + Math.min(doubt, lasting), service: isAws ? 'S3' : null, interfaceId: isAws ? null : run.interfaceId, instanceId: isAws ? null : run.instanceId } // prettier-ignore
  })

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

async function tablesWith(records: readonly FlowRecord[], runs: readonly KnownRun[]): Promise<Store> {
  const { store, cluster, role, putFlows } = await setUpSink(server)
  putFlows(records)
  for (const { scope, ip, from, lastSeen, conflictS, doubtTo, interfaceId, instanceId, service } of runs) {
    const owner = { interfaceId, instanceId, service, interfaceType: null, subnetId: null, vpcId: null, accountId: null, region: null, azId: null } // prettier-ignore
    cluster.put(
      'cloudMapRuns',
      { scope, ip, first: from },
      { owner, validFrom: from, validTo: null, firstSeen: from, lastSeen, conflictS, doubtTo, others: [] },
    )
  }
  for (const name of ['clickhouse-flows', 'clickhouse-runs']) await cluster.runRole(role(name))
  return store
}

/** A time as ClickHouse writes it. */
const dateText = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')

/** Numbers of 64 bits are text in the answer. */
const comparable = (value: unknown): unknown => (typeof value === 'number' || typeof value === 'bigint' ? String(value) : (value ?? null))

/** Each row is what the model says of the record of its line; a column that the model does not know fails. */
async function compare(
  store: Store,
  from: string,
  records: readonly FlowRecord[],
  model: (record: FlowRecord) => Record<string, Cell>,
): Promise<void> {
  const rows = await store.query<Record<string, unknown>>(`SELECT * REPLACE (toUnixTimestamp(start) AS start, toUnixTimestamp(end) AS end) FROM ${from} ORDER BY line`) // prettier-ignore
  assert.deepEqual(rows.map(({ line }) => line), records.map(({ line }) => line), from) // prettier-ignore
  rows.forEach((row, i) => {
    const wanted = model(records[i]!)
    for (const [name, cell] of Object.entries(row)) {
      if (['interface', 'object_id', 'extra'].includes(name)) continue
      const message = `${name} of line ${String(row['line'])} in ${from}`
      if (!(name in wanted)) assert.equal(cell, null, message)
      assert.equal(comparable(cell), comparable(wanted[name]), message)
    }
    for (const name of Object.keys(wanted)) assert.ok(name in row || wanted[name] === null, `${name} is not shown in ${from}`)
  })
}

describe('an absent value', () => {
  for (const seed of seeds)
    it(`is NULL in each view that shows flows, and addresses are text (${seed})`, async () => {
      const records = fc.sample(record, { numRuns: 300, seed }).map((each, i) => ({ ...each, line: i + 1 }))
      const runs = [...new Map(fc.sample(anyRun, { numRuns: 120, seed }).map(run => [`${run.scope} ${run.ip} ${Math.floor((run.from - noon) / dayS)}`, run])).values()] // prettier-ignore
      const store = await tablesWith(records, runs)
      await compare(store, 'flow_log', records, flowLogRow)
      await compare(store, 'flow_owners', records, each => flowOwnersRow(each, runs))
      const between = (from: number, to: number): Promise<void> =>
        compare(store, `flow_owners_between(from = '${dateText(from)}', to = '${dateText(to)}')`, records.filter(({ start }) => start >= from && start < to), each => flowOwnersRow(each, runs)) // prettier-ignore
      await between(0, 2 ** 32 - 1)
      await between(noon + dayS, noon + dayS + 5000)
      const states = records.map(each => flowOwnersRow(each, runs))
      for (const name of ['local_state', 'remote_state'])
        assert.deepEqual(new Set(states.map(row => row[name])), new Set(['held', 'ambiguous', 'last-known', null]), `${name} of seed ${seed}`) // prettier-ignore
    })

  it('does not keep a condition on start from reading its days alone', async () => {
    const days = Array.from({ length: 6 }, (_unused, i) => noon + i * dayS)
    const flows = days.flatMap((start, i) => (['logged', 'none'] as const).map((timeSource, j) => flow({ start, end: start, timeSource, timeKept: j === 0 ? null : 'end', objectId: testObjectId, line: 2 * i + j + 1 }))) // prettier-ignore
    const store = await tablesWith(flows, [])
    for (const [view, condition] of [
      ['flow_log', `start >= ${noon + 2 * dayS} AND start < ${noon + 3 * dayS}`],
      ['flow_log', `toStartOfDay(start) = toStartOfDay(toDateTime(${noon + 2 * dayS}))`],
      ['flow_owners', `start >= ${noon + 2 * dayS} AND start < ${noon + 3 * dayS}`],
      ['flow_owners', `toStartOfDay(start) = toStartOfDay(toDateTime(${noon + 2 * dayS}))`],
      [`flow_owners_between(from = ${noon + 2 * dayS}, to = ${noon + 3 * dayS})`, 'start IS NOT NULL'],
    ] as const) {
      const question = `FROM ${view} WHERE ${condition}`
      assert.deepEqual(await store.query(`SELECT line ${question}`), [{ line: 5 }], question)
      const plan = (await store.query<{ explain: string }>(`EXPLAIN indexes = 1 SELECT bytes ${question}`))
        .map(row => row.explain)
        .join('\n')
      const reads = plan.split('ReadFromMergeTree').filter(part => /^ \(\w+\.flows\)/.test(part))
      // a part of the view that the condition rules out reads nothing and names no parts
      const parts = reads.map(part => Number(/Parts: (\d+) \|/.exec(part)?.[1] ?? 0))
      assert.ok(parts.some(count => count === 1) && parts.every(count => count <= 1), `${question}\n${plan}`)
    }
  })

  it('is not a country, a network or 0 bytes among the top talkers', async () => {
    const peer = fc.record({
      country: fc.option(fc.constantFrom('DE', 'US', 'SE'), { freq: 3 }),
      asn: fc.option(fc.constantFrom(64_500, 64_501), { freq: 2 }),
      org: fc.option(fc.constant('a network'), { freq: 2 }),
      bytes: fc.oneof(fc.constant(null), fc.constant(null), fc.integer({ min: 0, max: 5000 })),
      packets: fc.oneof(fc.constant(null), fc.constant(null), fc.integer({ min: 0, max: 9 })),
      host: fc.integer({ min: 1, max: 9 }),
    })
    // few records for each country and network, so that of some nothing is known
    const peers = fc.sample(peer, { numRuns: 24, seed: 4 })
    const store = await tablesWith(
      peers.map(
        ({ country, asn, org, bytes, packets, host }, i) =>
        flow({ srcAddr: '10.0.0.1', dstAddr: `203.0.113.${host}`, dstCountry: country, dstAsn: asn, dstAsOrg: org, bytes, packets, direction: 'egress', directionSource: 'logged', action: 'ACCEPT', start: noon, end: noon, timeSource: 'logged', objectId: testObjectId, line: i + 1 }), // prettier-ignore
      ),
      [],
    )
    const sum = (values: (number | null)[]): number | null => values.reduce((a, b) => (a === null || b === null ? (a ?? b) : a + b), null)
    const wanted = [...Map.groupBy(peers, ({ country, asn }) => JSON.stringify([country, asn]))].map(([, all]) => ({
      country: all[0]!.country,
      asn: all[0]!.asn,
      as_org: all.find(({ org }) => org !== null)?.org ?? null,
      bytes: sum(all.map(({ bytes }) => bytes)),
      packets: sum(all.map(({ packets }) => packets)),
      accepted_flows: all.length,
      rejected_flows: 0,
      addresses: new Set(all.map(({ host }) => host)).size,
      nat_bytes: 0,
      maybe_nat_bytes: 0,
    }))
    assert.ok(wanted.some(({ bytes }) => bytes === null) && wanted.some(({ bytes }) => bytes !== null))
    const rows = await ask<Record<string, unknown>, 'top_talkers'>(store, 'top_talkers', { from: new Date(noon * 1000), to: new Date((noon + 60) * 1000), limit: 99 }) // prettier-ignore
    const texts = (all: readonly Record<string, unknown>[]): string[] =>
      all.map(row => Object.entries(row).map(([name, cell]) => `${name} ${String(cell)}`).join(', ')).sort() // prettier-ignore
    assert.deepEqual(texts(rows), texts(wanted))
  })

  it('is not a time: of a record with only a start or only an end the other one is NULL, and it counts at the one that is known', async () => {
    const at = noon + 100
    const flows = (['start', 'end', null] as const).map((timeKept, i) => flow({ start: timeKept === null ? 0 : at, end: timeKept === null ? 0 : at, timeKept, objectId: testObjectId, line: i + 1 })) // prettier-ignore
    const store = await tablesWith(flows, [])
    const asked = (from: string): Promise<unknown[]> => store.query(`SELECT line, toUnixTimestamp(start) AS a, toUnixTimestamp(end) AS b FROM ${from} ORDER BY line`) // prettier-ignore
    const rows = [{ line: 1, a: at, b: null }, { line: 2, a: null, b: at }, { line: 3, a: null, b: null }] // prettier-ignore
    for (const view of ['flow_log', 'flow_owners']) assert.deepEqual(await asked(view), rows, view)
    assert.deepEqual(await asked(`flow_owners_between(from = ${noon}, to = ${noon + 600})`), rows.slice(0, 2))
    assert.deepEqual(await asked(`flow_log WHERE end >= ${noon}`), [rows[1]])
  })
})
