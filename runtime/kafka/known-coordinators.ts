/** Remembers which broker coordinates a transactional id or a group. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Requests of a transaction to a coordinator, as methods of kafkajs' broker. */
const requests = ['initProducerId', 'addPartitionsToTxn', 'addOffsetsToTxn', 'txnOffsetCommit', 'endTxn'] as const

type Requests = Record<(typeof requests)[number], (asked: unknown) => Promise<unknown>>
type KafkaJsBroker = Requests & { readonly nodeId: string }

/** What is asked for. */
interface Coordinated {
  readonly groupId: string
  readonly coordinatorType?: number
}

/** What of the cluster of a kafkajs producer is needed here. */
export interface CoordinatedCluster {
  findGroupCoordinator(asked: Coordinated): Promise<Requests>
  findBroker(asked: { readonly nodeId: string }): Promise<KafkaJsBroker>
}

/** Errors of a coordinator that is just moving or loading. It has done nothing. */
export const movingCoordinator: ReadonlySet<string> = new Set([
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
])

const typeOf = (error: unknown): string | undefined => (error as { type?: string }).type

const patienceMs = 10_000

/**
 * Asks again while a coordinator answers with an error that passes. Nothing is damaged by asking again.
 *
 * @param passing Types of these errors.
 */
export async function untilPassed<T>(passing: ReadonlySet<string>, call: () => Promise<T>): Promise<T> {
  const endMs = Date.now() + patienceMs
  for (;;) {
    try {
      return await call()
    } catch (error) {
      const type = typeOf(error)
      if (type === undefined || !passing.has(type) || Date.now() > endMs) throw error
      await sleep(5)
    }
  }
}

/** The transaction before is still being ended. kafkajs would read the metadata of all topics anew before it asks again. */
const ending: ReadonlySet<string> = new Set(['CONCURRENT_TRANSACTIONS'])

/**
 * Makes the cluster of a producer remember coordinators; kafkajs asks for them before each request to them. A coordinator that does not answer, or
 * says that it is none, is forgotten. The request of one that has moved goes to the one in its place.
 */
export function rememberCoordinators(cluster: CoordinatedCluster): void {
  const find = cluster.findGroupCoordinator.bind(cluster) as (asked: Coordinated) => Promise<KafkaJsBroker>
  const known = new Map<string, string>()
  const found = async (asked: Coordinated, key: string): Promise<KafkaJsBroker> => {
    const nodeId = known.get(key)
    if (nodeId !== undefined) {
      try {
        return await cluster.findBroker({ nodeId })
      } catch {
        known.delete(key)
      }
    }
    const broker = await find(asked)
    known.set(key, broker.nodeId)
    return broker
  }
  cluster.findGroupCoordinator = async asked => {
    const key = `${asked.coordinatorType ?? 0}/${asked.groupId}`
    let broker = await found(asked, key)
    const call =
      (name: keyof Requests): Requests[typeof name] =>
      async request => {
        for (let hasMoved = false; ; hasMoved = true) {
          try {
            return await (name === 'addPartitionsToTxn' ? untilPassed(ending, () => broker[name](request)) : broker[name](request))
          } catch (error) {
            const type = typeOf(error)
            if (type === undefined || movingCoordinator.has(type)) known.delete(key)
            if (hasMoved || type !== 'NOT_COORDINATOR_FOR_GROUP') throw error
            broker = await found(asked, key)
          }
        }
      }
    return Object.fromEntries(requests.map(name => [name, call(name)])) as Requests
  }
}
