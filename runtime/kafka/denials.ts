/** What a denial of the broker is about: kafkajs throws its code alone, without the request and what it named. */
import { FlowError } from '../errors.ts'

/** The operation that Kafka's authorizer asks for, by request of kafkajs' broker and by what is denied. */
const operations = {
  metadata: { topic: 'Describe' },
  produce: { topic: 'Write', id: 'Write', cluster: 'IdempotentWrite' },
  fetch: { topic: 'Read', cluster: 'ClusterAction' },
  listOffsets: { topic: 'Describe' },
  findGroupCoordinator: { group: 'Describe', id: 'Describe' },
  joinGroup: { group: 'Read' },
  syncGroup: { group: 'Read' },
  heartbeat: { group: 'Read' },
  leaveGroup: { group: 'Read' },
  offsetFetch: { group: 'Describe', topic: 'Describe' },
  offsetCommit: { group: 'Read', topic: 'Read' },
  describeGroups: { group: 'Describe' },
  deleteGroups: { group: 'Delete' },
  createTopics: { topic: 'Create', cluster: 'Create' },
  createPartitions: { topic: 'Alter' },
  deleteTopics: { topic: 'Delete' },
  deleteRecords: { topic: 'Delete' },
  describeConfigs: { topic: 'DescribeConfigs', cluster: 'DescribeConfigs' },
  initProducerId: { id: 'Write', cluster: 'IdempotentWrite' },
  addPartitionsToTxn: { id: 'Write', topic: 'Write' },
  addOffsetsToTxn: { id: 'Write', group: 'Read' },
  txnOffsetCommit: { id: 'Write', group: 'Read', topic: 'Read' },
  endTxn: { id: 'Write' },
} as const satisfies Record<string, Partial<Record<Kind, string>>>

type Kind = 'topic' | 'group' | 'id' | 'cluster'
type RequestName = keyof typeof operations

const kinds: Readonly<Record<string, Kind>> = {
  TOPIC_AUTHORIZATION_FAILED: 'topic',
  GROUP_AUTHORIZATION_FAILED: 'group',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'id',
  CLUSTER_AUTHORIZATION_FAILED: 'cluster',
}

/** Requests whose denials are named: methods of kafkajs' broker. */
export const judgedRequests = Object.keys(operations) as readonly RequestName[]

/** Most topics that a message names. */
const shown = 3

interface Fault {
  readonly type?: string
  readonly topic?: string
  readonly errors?: readonly Fault[]
}

/** The fields in which requests say what they are about. */
interface Named {
  readonly groupId?: string
  readonly groupIds?: readonly string[]
  readonly transactionalId?: string
  readonly topics?: readonly (string | { readonly topic: string })[]
  readonly topicData?: readonly { readonly topic: string }[]
  readonly topicPartitions?: readonly { readonly topic: string }[]
  readonly resources?: readonly { readonly name: string }[]
}

/**
 * Says what was denied.
 *
 * @param asked First argument of the request.
 * @returns KAFKA_DENIED; undefined if the error is not a denial. It has no cause: kafkajs would put the cause in its place where it wraps errors.
 */
export function deniedError(request: RequestName, asked: unknown, error: unknown): FlowError | undefined {
  const fault = error as Fault | undefined
  const faults = (fault?.errors ?? [fault]).filter(each => kinds[each?.type ?? ''] !== undefined)
  const kind = kinds[faults[0]?.type ?? '']
  if (kind === undefined) return undefined
  const operation = (operations[request] as Partial<Record<Kind, string>>)[kind] ?? request
  const topics = faults.flatMap(each => each?.topic ?? [])
  return new FlowError('KAFKA_DENIED', { operation, resource: resourceOf(kind, asked, topics) })
}

function resourceOf(kind: Kind, asked: unknown, named: readonly string[]): string {
  const list = Array.isArray(asked) ? (asked as string[]) : undefined
  const fields = (list === undefined ? (asked ?? {}) : { topics: list, groupIds: list }) as Named
  switch (kind) {
    case 'cluster':
      return 'the cluster'
    case 'id':
      return `the transactional id "${fields.transactionalId ?? fields.groupId ?? ''}"`
    case 'group':
      return `the group ${(fields.groupIds ?? [fields.groupId ?? '']).map(group => `"${group}"`).join(', ')}`
    case 'topic': {
      const topics = named.length > 0 ? named : topicsOf(fields)
      const rest = topics.length - shown
      const names = topics.slice(0, shown).map(topic => `"${topic}"`)
      return `${topics.length === 1 ? 'the topic' : 'one of the topics'} ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
    }
  }
}

const topicsOf = ({ topics, topicData, topicPartitions, resources }: Named): string[] => [
  ...new Set([
    ...[...(topics ?? []), ...(topicData ?? []), ...(topicPartitions ?? [])].map(each => (typeof each === 'string' ? each : each.topic)),
    ...(resources ?? []).map(({ name }) => name),
  ]),
]
