/**
 * The whole path on one page, read top-down as the data flows. A value: nothing opens when it is imported. This is the only file that joins
 * the parts; `flowloom topology` draws it, and a test checks that every topic has a writer and a reader.
 */
import type { Config } from './config/config.ts'
import { createEnrichRole } from './processors/enrich/enrich-processor.ts'
import { createIpContextRole } from './processors/ip-context/ip-context-processor.ts'
import { createDiscoverSource } from './producers/s3/discover/discover-source.ts'
import { createFetchRole } from './producers/s3/fetch/fetch-processor.ts'
import { openQueue } from './producers/s3/notify/notify-queue.ts'
import { createNotifySource } from './producers/s3/notify/notify-source.ts'
import { ParquetReaders } from './producers/s3/parquet/parquet-readers.ts'
import { createS3Stores } from './producers/s3/objects/s3-object-store.ts'
import type { Role, Source } from './runtime/task.ts'
import type { TopicId } from './schemas/topics.ts'
import { connectClickHouse } from './sinks/clickhouse/clickhouse-client.ts'
import { createClickHouseRoles } from './sinks/clickhouse/clickhouse-sink.ts'

/** What the parts are built from. */
export interface PartOptions {
  readonly config: Config
  /** Told at named points between two calls; tests of delivery kill the process there. */
  readonly atPoint?: (point: string) => Promise<void> | void
}

/** What a node gives to run. */
export interface BuiltParts {
  readonly sources?: readonly Source[]
  readonly roles?: readonly Role[]
  /** Closes the clients that the parts share. */
  readonly close?: () => Promise<void>
}

/** One node of the topology. */
export interface TopologyNode {
  readonly kind: 'source' | 'processor' | 'sink'
  readonly name: RoleName
  readonly from: readonly TopicId[]
  readonly to: readonly TopicId[]
  readonly state?: TopicId
  /** Topics of its own that it looks keys up in. */
  readonly reads?: readonly TopicId[]
  readonly doc: string
  /** False where the settings give it nothing to do: it is left out. */
  readonly wanted?: (config: Config) => boolean
  /** Builds what runs; opens nothing. */
  build(options: PartOptions): BuiltParts
}

/** Names that `flowloom run --roles` takes. */
export type RoleName = 'discover' | 'notify' | 'fetch' | 'enrich' | 'ip-context' | 'sink'

/** The path. */
export const topology: readonly TopologyNode[] = [
  {
    kind: 'source',
    name: 'discover',
    from: [],
    to: ['objectArrivals'],
    doc: 'lists the buckets again and again and announces new objects',
    build: ({ config }) => ({ sources: [createDiscoverSource({ settings: config.s3, stores: createS3Stores(config.s3) })] }),
  },
  {
    kind: 'source',
    name: 'notify',
    from: [],
    to: ['objectArrivals'],
    doc: 'takes notifications of new objects from queues and announces them; off without `s3.queues`',
    wanted: ({ s3 }) => s3.queues.length > 0,
    build: ({ config, atPoint }) => ({
      sources: [
        createNotifySource({
          settings: config.s3,
          open: queue => openQueue(config.s3, queue),
          ...(atPoint === undefined ? {} : { atPoint }),
        }),
      ],
    }),
  },
  {
    kind: 'processor',
    name: 'fetch',
    from: ['objectArrivals'],
    state: 'objects',
    to: ['rawLines', 'objects', 'deadLetters'],
    doc: 'reads each object version once, line for line, and keeps the ledger',
    build({ config, atPoint }: PartOptions): BuiltParts {
      const parquet = new ParquetReaders()
      return {
        roles: [
          createFetchRole({
            settings: config.s3,
            stores: createS3Stores(config.s3),
            parquet,
            kafka: config.kafka,
            ...(atPoint === undefined ? {} : { atPoint }),
          }),
        ],
        close: () => parquet.close(),
      }
    },
  },
  {
    kind: 'processor',
    name: 'enrich',
    from: ['rawLines'],
    to: ['flows', 'flowGaps', 'ipSightings', 'deadLetters'],
    doc: 'parses lines by their header, annotates them, and says who was seen with which address',
    build: ({ config, atPoint }) => ({
      roles: [
        createEnrichRole({
          lookups: config.lookups,
          networks: config.networks,
          kafka: config.kafka,
          ...(atPoint === undefined ? {} : { atPoint }),
        }),
      ],
    }),
  },
  {
    kind: 'processor',
    name: 'ip-context',
    from: ['ipSightings'],
    state: 'cloudMap',
    reads: ['cloudMapDays'],
    to: ['cloudMap', 'cloudMapDays', 'cloudMapRuns', 'cloudMapChanges'],
    doc: 'learns who held which address when',
    build: ({ config, atPoint }) => ({
      roles: [createIpContextRole({ ...config.ipContext, ...config.kafka, ...(atPoint === undefined ? {} : { atPoint }) })],
    }),
  },
  {
    kind: 'sink',
    name: 'sink',
    from: ['flows', 'flowGaps', 'cloudMapRuns', 'objects', 'deadLetters', 'deadLetterReplays'],
    to: [],
    doc: 'brings it into ClickHouse, each range of offsets once',
    build({ config }: PartOptions): BuiltParts {
      const store = connectClickHouse(config.clickhouse)
      return {
        roles: createClickHouseRoles({ ...config.clickhouse, store, topicPrefix: config.kafka.topicPrefix }),
        close: () => store.close(),
      }
    },
  },
]

/** Topics that are for consumers outside: nothing of the path reads them. */
export const outputs: readonly TopicId[] = ['cloudMap', 'cloudMapChanges']

/** Topics that a command writes, and no part of the path: `flowloom dead-letters replay`. */
export const commandTopics: readonly TopicId[] = ['deadLetterReplays']
