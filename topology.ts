/**
 * The whole path on one page, in the order in which data flows. A value: nothing opens when it is imported. This is the only file that joins
 * the parts. Each says the rest of itself in its folder: topics and state (from its role), settings, what must be there before it runs, what a
 * lost position means. `flowloom topology` draws it, docs/reference/parts.md lists it, and a test checks that every topic has a writer and a
 * reader.
 */
import type { Config } from './config/config.ts'
import { enrich } from './processors/enrich/enrich-part.ts'
import { ipContext } from './processors/ip-context/ip-context-part.ts'
import { discover } from './producers/s3/discover/discover-part.ts'
import { fetch } from './producers/s3/fetch/fetch-part.ts'
import { notify } from './producers/s3/notify/notify-part.ts'
import type { Part } from './runtime/part.ts'
import type { TopicId } from './schemas/topics.ts'
import { clickhouse } from './sinks/clickhouse/clickhouse-part.ts'

const parts = [
  // outside -> Kafka
  discover,
  notify,
  fetch,
  // Kafka -> Kafka
  enrich,
  ipContext,
  // Kafka -> outside
  clickhouse,
] as const

/** Some parts of a path, in its order. */
export type Topology = readonly Part<Config>[]

/** The path. */
export const topology: Topology = parts

/** Names that `flowloom run --roles` takes. */
export type RoleName = (typeof parts)[number]['name']

/** Topics that are for consumers outside: nothing of the path reads them. */
export const outputs: readonly TopicId[] = ['cloudMap', 'cloudMapChanges']

/** Topics that a command writes, and no part of the path: `flowloom dead-letters replay`. */
export const commandTopics: readonly TopicId[] = ['deadLetterReplays']
