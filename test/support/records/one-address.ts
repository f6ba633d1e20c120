/** One address and its sightings in an in-memory Kafka: the set-up of the tests of the ip-context role. */
import type { IpContextOptions } from '../../../processors/ip-context/ip-context-processor.ts'
import type { IpSighting } from '../../../schemas/records.ts'
import type { MemoryCluster } from '../../../harness/memory-context.ts'
import { inShort } from './sightings.ts'

/** Settings of the role, unless a test says otherwise. */
export const options: IpContextOptions = {
  horizonS: 86_400,
  overlapS: 120,
  idleDays: 30,
  historyDays: 0,
  maxStateBytes: 524_288,
  commitRows: 1000,
  commitIntervalMs: 500,
}

/** Scope of the address. */
export const scope = 'vpc-1'
/** The address. */
export const ip = '10.0.0.1'

/** Puts sightings of the address into the input of the role. */
export function put(cluster: MemoryCluster, ...sightings: IpSighting[]): void {
  for (const sighting of sightings) cluster.put('ipSightings', { scope, ip }, sighting)
}

/** The committed runs of all addresses in one line each, sorted as text. */
export const runsIn = (cluster: MemoryCluster): string[] =>
  [...cluster.latest('cloudMapRuns', key => `${key.ip} ${key.first}`).values()].map(inShort).sort()

/** Kinds of the committed changes, in their order. */
export const kindsIn = (cluster: MemoryCluster): string[] => cluster.readCommitted('cloudMapChanges').map(change => change.value!.kind)

/** First second of a day, counted from 1970. */
export const day = (n: number): number => n * 86_400
