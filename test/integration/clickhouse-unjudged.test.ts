// What random formats let anybody know about exposure, beside a model of its own: each record from outside is listed by exposed_ports, or counted by
// exposed_ports_unjudged_between with what it lacks, and what nobody knows is NULL in both.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Random, seedOf } from '../../producers/synthetic/random.ts'
import type { FlowRecord } from '../../schemas/flow-record.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { t, tablesOf } from '../support/clickhouse/seen-records.ts'
import { flow } from '../support/records/flow-records.ts'

const columns = ['protocol', 'srcaddr', 'dstaddr', 'pkt-srcaddr', 'pkt-dstaddr', 'srcport', 'dstport', 'action', 'tcp-flags', 'flow-direction', 'bytes', 'packets', 'start', 'account-id', 'vpc-id', 'subnet-id', 'instance-id'] as const // prettier-ignore
type Column = (typeof columns)[number]
const formats = 160
const withPorts = [6, 17, 33, 132]

/** A conversation that a client begins, and nobody answers. */
interface Conversation {
  readonly format: ReadonlySet<Column>
  readonly eni: string
  readonly account: string
  readonly peer: string
  readonly own: string
  readonly protocol: number
  readonly port: number
  readonly flags: number
  readonly action: 'ACCEPT' | 'REJECT'
  readonly records: readonly { at: number | null; bytes: number | null; packets: number | null; country: string | null; asn: number | null; org: string | null; threat: string | null }[] // prettier-ignore
}

function conversationsOf(seed: number): Conversation[] {
  const random = new Random(seedOf('unjudged', seed))
  return Array.from({ length: formats }, (_unused, f) => {
    // most formats have most columns, or nothing would be judged
    const odds = random.pick([3, 8, 8, 20])
    const format = new Set(columns.filter(() => random.below(odds) !== 0))
    return Array.from({ length: 8 }, (_nothing, c): Conversation => {
      const inside = random.below(6) === 0
      return {
        format,
        eni: `eni-${f}`,
        account: String(200_000_000_000 + f),
        peer: inside ? `10.9.${f}.${c}` : `45.${f}.${c}.7`,
        own: random.below(4) === 0 ? `44.${f}.${c}.1` : `10.${f}.${c}.1`,
        protocol: random.pick([6, 6, 6, 17, 132, 1, 50]),
        port: random.pick([22, 443, 8080, 30_080]),
        flags: random.pick([2, 2, 0, 16]),
        action: random.below(5) === 0 ? 'REJECT' : 'ACCEPT',
        records: Array.from({ length: 1 + random.below(3) }, () => ({
          at: format.has('start') && random.below(3) !== 0 ? t + random.below(600) : null,
          bytes: format.has('bytes') && random.below(3) !== 0 ? random.below(1000) : null,
          packets: format.has('packets') && random.below(3) !== 0 ? random.below(10) : null,
          country: inside || random.below(2) === 0 ? null : 'DE',
          asn: inside || random.below(2) === 0 ? null : 64_500,
          org: inside || random.below(2) === 0 ? null : 'Example',
          threat: random.pick([null, '', 'drop']),
        })),
      }
    })
  }).flat()
}

function recordsOf({ format, eni, account, peer, own, protocol, port, flags, action, records }: Conversation): FlowRecord[] {
  const has = <T>(column: Column, value: T): T | null => (format.has(column) ? value : null)
  const ported = withPorts.includes(protocol)
  const directed = format.has('flow-direction')
  return records.map(({ at, bytes, packets, country, asn, org, threat }) =>
    flow({
      interfaceId: eni,
      accountId: has('account-id', account),
      vpcId: has('vpc-id', `vpc-${eni}`),
      subnetId: has('subnet-id', `subnet-${eni}`),
      instanceId: has('instance-id', `i-${eni}`),
      protocol: has('protocol', protocol),
      srcAddr: has('srcaddr', peer),
      dstAddr: has('dstaddr', own),
      pktSrcAddr: has('pkt-srcaddr', peer),
      pktDstAddr: has('pkt-dstaddr', own),
      srcPort: has('srcport', ported ? 40_000 : 0),
      dstPort: has('dstport', ported ? port : 0),
      servicePort: ported && format.has('srcport') && format.has('dstport') ? Math.min(port, 40_000) : null,
      tcpFlags: has('tcp-flags', protocol === 6 ? flags : 0),
      action: has('action', action),
      direction: directed ? 'ingress' : 'unknown',
      flowDirection: directed ? 'ingress' : null,
      directionSource: directed ? 'logged' : 'none',
      bytes,
      packets,
      start: at ?? 0,
      end: at === null ? 0 : at + 59,
      timeSource: at === null ? 'none' : 'logged',
      ...(format.has('srcaddr') || format.has('pkt-srcaddr')
        ? { srcCountry: country, srcAsn: asn, srcAsOrg: org, srcThreat: threat }
        : { srcThreat: null }),
    }),
  )
}

/** What the records of a conversation lack; empty: they are judged. Null: they are of nobody outside, or were rejected. */
function lacks({ format, peer, own, protocol, port, flags, action }: Conversation): string | null {
  const has = (...names: Column[]): boolean => names.every(name => format.has(name))
  const known = (side: 'src' | 'dst'): boolean => has(`${side}addr`) || has(`pkt-${side}addr`)
  const isInside = (address: string): boolean => address.startsWith('10.')
  if (has('action') && action === 'REJECT') return null
  if (known('src') && isInside(peer) && (has('flow-direction') || (known('dst') && isInside(own)))) return null
  if (!has('protocol')) return 'protocol'
  if (!has('srcaddr', 'dstaddr') && !has('pkt-srcaddr', 'pkt-dstaddr')) return 'address'
  if (withPorts.includes(protocol) && !has('srcport', 'dstport')) return 'port'
  if (has('flow-direction')) return ''
  if (!has('action')) return 'direction'
  const middle = protocol === 6 && has('tcp-flags') && flags !== 2
  return middle && port >= 1024 ? 'direction' : ''
}

const sum = (values: readonly (number | null)[]): number | null => {
  const known = values.filter(value => value !== null)
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0)
}
const dateText = (second: number): string => new Date(second * 1000).toISOString().slice(0, 19).replace('T', ' ')
/** First and last second that is known, as text. */
function seenIn(records: Conversation['records']): { first_seen: string | null; last_seen: string | null } {
  const times = records.flatMap(({ at }) => (at === null ? [] : [at]))
  return times.length === 0
    ? { first_seen: null, last_seen: null }
    : { first_seen: dateText(Math.min(...times)), last_seen: dateText(Math.max(...times) + 59) }
}
const contextOf = ({ format, eni, account }: Conversation): Record<string, string | null> => ({
  observer: eni,
  account_id: format.has('account-id') ? account : null,
  vpc_id: format.has('vpc-id') ? `vpc-${eni}` : null,
})
const texts = (rows: readonly Record<string, unknown>[]): string[] =>
  rows.map(row => Object.entries(row).map(([name, cell]) => `${name} ${String(cell)}`).join(', ')).sort() // prettier-ignore

let server: LiveClickHouse
let store: Store
const conversations = conversationsOf(1)
before(async () => {
  server = await liveClickHouse()
  store = await tablesOf(server, conversations.flatMap(recordsOf), { header: 'instance-id' })
})
after(() => server.stop())

describe('a record from outside', () => {
  it('of which nobody can say what it let in is counted, with what it lacks', async () => {
    const unjudged = conversations.filter(each => lacks(each))
    const wanted = [...Map.groupBy(unjudged, each => `${each.eni} ${lacks(each)}`).values()].map(all => {
      const records = all.flatMap(each => each.records)
      return {
        ...contextOf(all[0]!),
        lacks: lacks(all[0]!),
        flows: records.length,
        packets: sum(records.map(({ packets }) => packets)),
        bytes: sum(records.map(({ bytes }) => bytes)),
        ...seenIn(records),
      }
    })
    assert.deepEqual(new Set(wanted.map(row => row.lacks)), new Set(['protocol', 'address', 'port', 'direction']))
    const rows = await store.query<Record<string, unknown>>(
      "SELECT * FROM exposed_ports_unjudged_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15')",
    )
    assert.deepEqual(texts(rows), texts(wanted))
  })

  it('is counted in its time alone', async () => {
    const dated = conversations.filter(each => lacks(each)).flatMap(each => each.records.filter(({ at }) => at !== null && at >= t + 100 && at < t + 300)) // prettier-ignore
    const rows = await store.query(
      `SELECT toUInt32(sum(flows)) AS flows FROM exposed_ports_unjudged_between(from = '${dateText(t + 100)}', to = '${dateText(t + 300)}')`,
    )
    assert.deepEqual(rows, [{ flows: dated.length }])
  })

  it('is listed if it can be judged, with NULL for what none of its records says, and the value of those that say it', async () => {
    const rows = await store.query<Record<string, unknown>>(
      `SELECT remote_addr, observer, account_id, vpc_id, subnet_id, instance_id, country, asn, as_org, threat, flows, packets, bytes, first_seen, last_seen,
         evidence = 'undecided' AS undecided FROM exposed_ports`,
    )
    const listed = conversations.filter(each => lacks(each) === '' && each.format.has('action') && each.peer.startsWith('45.'))
    const wanted = listed.map(each => {
      const { format, eni, peer, records } = each
      const any = (name: 'country' | 'asn' | 'org'): unknown => records.find(record => record[name] !== null)?.[name] ?? null
      return {
        remote_addr: peer,
        ...contextOf(each),
        subnet_id: format.has('subnet-id') ? `subnet-${eni}` : null,
        instance_id: format.has('instance-id') ? `i-${eni}` : null,
        country: any('country'),
        asn: any('asn'),
        as_org: any('org'),
        threat: ['drop', ''].find(threat => records.some(record => record.threat === threat)) ?? null,
        flows: records.length,
        packets: sum(records.map(({ packets }) => packets)),
        bytes: sum(records.map(({ bytes }) => bytes)),
        ...seenIn(records),
        undecided: format.has('flow-direction') ? 0 : 1,
      }
    })
    for (const undecided of [0, 1]) assert.ok(wanted.some(row => row.undecided === undecided && row.first_seen === null))
    assert.ok(wanted.some(row => row.bytes === null) && wanted.some(row => row.threat === '') && wanted.some(row => row.subnet_id === null))
    assert.deepEqual(texts(rows), texts(wanted))
  })
})
