// Answers about small random networks whose truth is known, beside a model that is written apart from the product: see test/support/planted-truth.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Random, seedOf } from '../../producers/synthetic/random.ts'
import { ask } from '../../sinks/clickhouse/queries.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { askingTogether } from '../support/clickhouse/asked-together.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { failingSeeds } from '../support/planted-truth/failing-seeds.ts'
import {
  checkCutExposures,
  checkExposures,
  checkFormerPeer,
  checkHolder,
  checkOwners,
  checkRun,
  type ExposureRow,
  type HolderRow,
  type KnownCells,
  type OwnersRow,
  type RunRow,
  type Scenario,
  type Verdict,
} from '../support/planted-truth/expected.ts'
import { objectsOf, recordsOf, type LogObject } from '../support/planted-truth/log-objects.ts'
import { midnight, midnightSeeds, networkOf } from '../support/planted-truth/network.ts'
import { trafficOf } from '../support/planted-truth/traffic.ts'
import { bringObjects } from '../support/planted-truth/truth-path.ts'

/** Scenarios; the seeds that once failed come on top. */
const count = Number(process.env['FLOWLOOM_TRUTH_SCENARIOS'] ?? 520)
/** Where the seeds begin: other networks each time this is set. */
const firstSeed = Number(process.env['FLOWLOOM_TRUTH_SEED'] ?? 1)
const holdersAsked = 200
const formerAsked = 8
const cutsAsked = 6

let server: LiveClickHouse
let store: Store
let byKey: Map<string, LogObject>
const scenarios = new Map<number, Scenario>()
const range = "from = '2026-11-19 00:00:00', to = '2026-11-22 00:00:00'"

before(async () => {
  server = await liveClickHouse()
  const seeds = new Set([
    ...failingSeeds,
    ...Array.from({ length: count }, (_unused, i) => firstSeed + i + (i % 9 === 8 ? midnightSeeds : 0)),
  ])
  const objects: LogObject[] = []
  for (const seed of seeds) {
    const network = networkOf(seed)
    const traffic = trafficOf(network)
    const records = recordsOf(traffic.packets)
    scenarios.set(seed, { network, traffic, records })
    objects.push(...objectsOf(network, records))
  }
  ;({ store, byKey } = await bringObjects(server, objects))
})
after(() => server.stop())

const address = (column: string): string => `replaceRegexpOne(toString(${column}), '^::ffff:(\\\\d+\\\\.)', '\\\\1')`

/** Nothing may be wrong; at most `unknownShare` of the answers may be unknown. */
function judge(verdicts: readonly Verdict[], unknownShare: number): void {
  const of = (result: Verdict['result']): Verdict[] => verdicts.filter(verdict => verdict.result === result)
  const wrong = of('wrong')
  const share = of('unknown').length / verdicts.length
  console.log(`  ${verdicts.length} answers: ${of('right').length} right, ${of('unknown').length} unknown, ${wrong.length} wrong`)
  const shown = Map.groupBy(wrong, verdict => verdict.detail.split(':')[0]!)
  const lines = [...shown].map(([why, all]) => `${all.length} x ${why}, seeds ${[...new Set(all.map(v => v.seed))].slice(0, 8).join(' ')}\n    ${all[0]!.detail}`) // prettier-ignore
  assert.equal(wrong.length, 0, `\n${lines.join('\n')}`)
  assert.ok(share <= unknownShare, `${(100 * share).toFixed(1)} % unknown`)
}

describe(`planted truth in ${count} networks`, () => {
  it('exposed services have the tier, address and peer that they truly have', async () => {
    const rows = await store.query<ExposureRow & KnownCells & { account_id: string }>(
      `SELECT evidence, observer, account_id, protocol, local_addr AS local, local_port, remote_addr AS remote, inferred, maybe_nat,
         vpc_id, subnet_id, instance_id, country, asn, as_org, threat, packets, bytes, first_seen
       FROM exposed_ports_between(${range})`,
    )
    const byAccount = Map.groupBy(rows, row => row.account_id)
    const verdicts = [...scenarios.values()].flatMap(scenario => checkExposures(scenario, byAccount.get(scenario.network.accountId) ?? []))
    judge(verdicts.filter(verdict => verdict.question === 'exposure'), 0.25) // prettier-ignore
    // of unknown direction: an attempt from outside, or a connection of ours
    judge(verdicts.filter(verdict => verdict.question === 'undecided exposure'), 0.85) // prettier-ignore
  })

  it('a time that begins within conversations has nothing definite that is not true', async () => {
    const random = new Random(seedOf('cut', firstSeed))
    const verdicts: Verdict[] = []
    for (let i = 0; i < cutsAsked; i++) {
      const from = Date.parse('2026-11-20T02:00:00Z') / 1000 + random.below(15 * 3600)
      const [since, until] = [from, from + 3600].map(second => new Date(second * 1000).toISOString().slice(0, 19))
      const rows = await store.query<ExposureRow & { account_id: string }>(
        `SELECT evidence, observer, account_id, protocol, local_addr AS local, local_port, remote_addr AS remote, inferred, maybe_nat
         FROM exposed_ports_between(from = '${since!}', to = '${until!}')`,
      )
      const byAccount = Map.groupBy(rows, row => row.account_id)
      for (const scenario of scenarios.values())
        verdicts.push(...checkCutExposures(scenario, byAccount.get(scenario.network.accountId) ?? []))
    }
    judge(verdicts, 0.25) // prettier-ignore
  })

  it('an address that was ours at another time is outside in the time asked', async () => {
    const verdicts: Verdict[] = []
    for (const scenario of scenarios.values()) {
      const former = scenario.network.enis.find(eni => eni.role === 'former')
      const truth = scenario.traffic.inbound.find(({ peer }) => peer === former?.v4)
      if (truth === undefined || verdicts.length === formerAsked) continue
      const [from, to] = [truth.at - 120, truth.at + 300].map(second => new Date(second * 1000).toISOString().slice(0, 19))
      const rows = await store.query<ExposureRow>(
        `SELECT evidence, observer, protocol, local_addr AS local, local_port, remote_addr AS remote, inferred, maybe_nat
         FROM exposed_ports_between(from = '${from}', to = '${to}') WHERE account_id = '${scenario.network.accountId}'`,
      )
      verdicts.push(checkFormerPeer(scenario, truth, rows))
    }
    assert.ok(verdicts.length > 5 || count < 500)
    judge(verdicts, 0.6)
  })

  it('both sides of each flow have the owner of that time', async () => {
    const rows = await store.query<OwnersRow & { key: string; line: number }>(
      `SELECT o.key AS key, f.line AS line, direction, ${address('local_addr')} AS local, ${address('remote_addr')} AS remote,
         local_interface_id, local_state, remote_interface_id, remote_service, remote_state
       FROM flow_owners_between(${range}) AS f INNER JOIN (SELECT object_id, any(key) AS key FROM objects GROUP BY object_id) AS o ON f.object_id = o.object_id`,
    )
    assert.ok(rows.length > 10_000 || count < 500)
    const verdicts = rows.flatMap(row => {
      const { network, flowLog, records } = byKey.get(row.key)!
      return checkOwners(scenarios.get(network.seed)!, flowLog, records[row.line - 2]!, row)
    })
    judge(verdicts.filter(verdict => verdict.question === 'direction'), 0.3) // prettier-ignore
    judge(verdicts.filter(verdict => verdict.question === 'flow owners'), 0.3) // prettier-ignore
  })

  it('the map knows no owner that is not true', async () => {
    const rows = await store.query<RunRow & { account_id: string }>(
      `SELECT ${address('ip')} AS ip, interface_id, toUnixTimestamp(valid_from) AS valid_from, toUnixTimestamp(last_seen) AS last_seen, account_id
       FROM cloud_map FINAL WHERE scope != 'aws'`,
    )
    const byAccount = new Map([...scenarios.values()].map(scenario => [scenario.network.accountId, scenario]))
    judge(rows.map(row => checkRun(byAccount.get(row.account_id)!, row)), 0) // prettier-ignore
  })

  it('an address is held by whom it is held at any second', async () => {
    const random = new Random(seedOf('holders', firstSeed))
    const all = [...scenarios.values()]
    const together = askingTogether(store)
    const verdicts: Promise<Verdict>[] = []
    for (let i = 0; i < holdersAsked; i++) {
      const scenario = random.pick(all)
      const { network } = scenario
      // of a hand-over, either side
      const eni =
        network.seed >= midnightSeeds
          ? random.pick(network.enis.filter(({ role }) => role === 'instance').slice(-2))
          : random.pick(network.enis)
      const ip = random.pick([eni.v4, eni.v4, ...(eni.v6 === undefined ? [] : [eni.v6]), ...eni.secondary, ...eni.pods])
      const aroundMidnight = network.seed >= midnightSeeds && random.below(4) !== 0
      const at = aroundMidnight ? midnight + random.between(-60, 700) : network.startS + random.between(-600, network.lengthS + 3600)
      verdicts.push(
        ask<HolderRow & { scope: string }, 'who_holds'>(together, 'who_holds', { ip, at: new Date(at * 1000), owner: '' }).then(rows => {
          const row = rows.find(each => each.scope === network.vpcId) ?? rows.find(each => each.scope.startsWith(network.accountId))
          return checkHolder(scenario, ip, at, row)
        }),
      )
    }
    judge(await Promise.all(verdicts), 0.3)
  })
})
