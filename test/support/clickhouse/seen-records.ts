/** Records at one interface, by their sides, and what is exposed according to them. */
import type { FlowRecord } from '../../../schemas/flow-record.ts'
import type { CloudMapRun } from '../../../schemas/records.ts'
import type { Store } from '../../../sinks/clickhouse/store.ts'
import { flow } from '../records/flow-records.ts'
import { emptyLedger } from '../records/ledger.ts'
import type { LiveClickHouse } from './live-clickhouse.ts'
import { setUpSink, testObjectId } from './sink-setup.ts'

/** Scope of the records. */
export const scope = 'vpc-1'
/** Second at which the records begin. */
export const t = Date.parse('2026-11-20T10:00:00Z') / 1000
/** Header of a format that has all that exposure asks for. */
export const wide = 'version instance-id tcp-flags pkt-srcaddr pkt-dstaddr flow-direction'

/** A record at an interface, by its own side and the far side; `at` in seconds after t. */
export function seen(
  egress: boolean,
  values: Partial<FlowRecord> & { own?: string; ownPort?: number; far?: string; farPort?: number; at?: number } = {},
): FlowRecord {
  // prettier-ignore
  const { own = '10.0.0.5', ownPort = 22, far = '198.51.100.7', farPort = 40_000, at = 0, ...more } = values
  const [srcAddr, dstAddr, srcPort, dstPort] = egress ? [own, far, ownPort, farPort] : [far, own, farPort, ownPort]
  const direction = egress ? 'egress' : 'ingress'
  return flow({
    accountId: '123456789012',
    interfaceId: 'eni-1',
    instanceId: 'i-1',
    vpcId: scope,
    srcAddr,
    dstAddr,
    srcPort,
    dstPort,
    pktSrcAddr: srcAddr,
    pktDstAddr: dstAddr,
    protocol: 6,
    action: 'ACCEPT',
    direction,
    flowDirection: direction,
    directionSource: 'logged',
    timeSource: 'logged',
    servicePort: Math.min(ownPort, farPort),
    packets: 1,
    bytes: 60,
    start: t + at,
    end: t + at,
    objectId: testObjectId,
    ...more,
  })
}
/** A SYN that comes in. */
export const into = (values: Parameters<typeof seen>[1]): FlowRecord => seen(false, { tcpFlags: 2, ...values })
/** A SYN+ACK that goes out. */
export const outOf = (values: Parameters<typeof seen>[1]): FlowRecord => seen(true, { tcpFlags: 18, ...values })

/** A run of the map. @param ended When it ended, and another VPC than that of the records. */
export const run = (
  interfaceId: string,
  from: number,
  last: number,
  conflictS = 0,
  { validTo = null, vpcId = scope }: { validTo?: number | null; vpcId?: string } = {},
): CloudMapRun => ({
  owner: {
    interfaceId,
    instanceId: null,
    interfaceType: null,
    subnetId: null,
    vpcId,
    accountId: null,
    region: null,
    azId: null,
    service: null,
  },
  validFrom: from,
  validTo,
  firstSeen: from,
  lastSeen: last,
  conflictS,
  doubtTo: null,
  others: [],
})

/** Brings records, and runs of the map, into a fresh database. */
export async function tablesOf(
  server: LiveClickHouse,
  flows: readonly FlowRecord[],
  options: { header?: string; runs?: readonly [ip: string, run: CloudMapRun, inScope?: string][] } = {},
): Promise<Store> {
  // prettier-ignore
  const { store, cluster, role, putFlows } = await setUpSink(server)
  putFlows(flows.map((record, i) => ({ ...record, line: i + 2 })))
  cluster.put('objects', { bucket: 'logs', key: 'a' }, { ...emptyLedger, objectId: testObjectId, header: options.header ?? wide })
  for (const [ip, value, inScope] of options.runs ?? [])
    cluster.put('cloudMapRuns', { scope: inScope ?? scope, ip, first: value.validFrom }, value)
  for (const name of ['clickhouse-flows', 'clickhouse-objects', 'clickhouse-runs']) await cluster.runRole(role(name))
  return store
}

/** Arguments of `tablesOf` after the server. */
export type TableArguments = Parameters<typeof tablesOf> extends [unknown, ...infer Rest] ? Rest : never

/** `evidence address port peer`, of a protocol without ports its name for the port, with what is uncertain about it. */
export async function exposures(store: Store, from = '2026-11-20 00:00:00', to = '2026-11-21 00:00:00'): Promise<string[]> {
  const rows = await store.query<{ said: string }>(
    `SELECT concat(evidence, ' ', local_addr, ' ', if(local_port IS NULL, exposure, toString(local_port)), ' ', remote_addr, if(inferred, ' inferred', ''), if(maybe_nat, ' maybe_nat', '')) AS said
     FROM exposed_ports_between(from = '${from}', to = '${to}') ORDER BY said`,
  )
  return rows.map(row => row.said)
}
