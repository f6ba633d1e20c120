/**
 * Asks Kafka what was announced, or read, and is not in the table of objects yet. To be asked before the tables are: what is in the table by then
 * stays there, so that tables which are asked later know of everything that does not wait.
 */
import type { Cluster } from '../../runtime/kafka/cluster.ts'
import { parseObjectName } from '../../schemas/object-name.ts'
import { askOrSay, checkTopics, restOf, type Asked } from '../rest-of-path.ts'
import { isWaitedFor, type Waiting, type WaitingObject, type WaitingPartition, type WaitingScope } from './waiting.ts'

/** The topics on the way from an announcement to the table, in its order: what is before the position of the reader of one is in the next. */
const steps = [
  { stage: 'announced', from: 'objectArrivals' },
  { stage: 'read', from: 'objects' },
] as const

/**
 * Asks a cluster.
 *
 * @throws FlowError TOPIC_MISSING; the error of the broker.
 */
export async function askWaiting(cluster: Cluster, scope: WaitingScope): Promise<Waiting> {
  await checkTopics(
    cluster,
    steps.map(({ from }) => from),
  )
  const objects: WaitingObject[] = []
  const partitions: WaitingPartition[] = []
  for (const { stage, from } of steps) {
    const rest = await restOf(cluster, from, ({ key }, partition) => {
      const name = parseObjectName(key)
      if (isWaitedFor(name, scope)) objects.push({ stage, partition, ...name })
    })
    partitions.push(...rest.map(part => ({ stage, ...part })))
  }
  return { unknown: null, partitions, objects }
}

/** The same for a command: why Kafka did not answer is a part of the answer. */
export async function askKafka(asked: Asked, scope: WaitingScope): Promise<Waiting> {
  return { partitions: [], objects: [], ...(await askOrSay(asked, cluster => askWaiting(cluster, scope))) }
}
