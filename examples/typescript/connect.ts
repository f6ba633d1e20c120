/** What both examples need from outside: options, a topic and the registry. Nothing of flowloom is imported. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { kafkajs } from './kafkajs.ts'

/** Where to read, from flags or environment. */
export interface Options {
  readonly brokers: string[]
  readonly registry: string
  readonly prefix: string
  readonly group: string
  readonly exitAtEnd: boolean
  readonly rest: string[]
}

/**
 * Reads `--brokers`, `--registry`, `--prefix`, `--group`, `--exit-at-end`; BROKERS and REGISTRY in the environment are the defaults. `--help` and an
 * option that there is not end the program.
 *
 * @param usage What the program does and its words, for `--help`.
 */
export function readOptions(env: NodeJS.ProcessEnv, usage: string): Options {
  const help = `${usage}

  --brokers LIST   Kafka brokers; default BROKERS, else 127.0.0.1:9092
  --registry URL   schema registry; default REGISTRY, else that of the local stack
  --prefix TEXT    kafka.topicPrefix of the pipeline; default flowloom.
  --group NAME     consumer group; default a new one
  --exit-at-end    end where everything was read that is there now`
  try {
    return parseOptions(env, help)
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`)
    return process.exit(2)
  }
}

function parseOptions(env: NodeJS.ProcessEnv, help: string): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      brokers: { type: 'string', default: env['BROKERS'] ?? '127.0.0.1:9092' },
      registry: { type: 'string', default: env['REGISTRY'] ?? 'http://127.0.0.1:8081/apis/ccompat/v7' },
      prefix: { type: 'string', default: 'flowloom.' },
      group: { type: 'string', default: `example-${randomUUID()}` },
      'exit-at-end': { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(help)
    process.exit(0)
  }
  const { brokers, registry, prefix, group } = values
  return { brokers: brokers.split(','), registry, prefix, group, exitAtEnd: values['exit-at-end'], rest: positionals }
}

/** A record with its key and value decoded; value null is a tombstone. */
export interface Decoded<K, V> {
  readonly key: K
  readonly value: V | null
}

/**
 * Reads a topic from its first record, committed records only.
 *
 * @param onRecord Called once for each record, in order per partition.
 * @returns Ends where `exitAtEnd` is set and everything was read that was there at the time of the call; else never.
 */
export async function readTopic<K, V>(options: Options, topic: string, onRecord: (record: Decoded<K, V>) => void): Promise<void> {
  const kafka = new kafkajs.Kafka({ clientId: 'flowloom-example', brokers: options.brokers, logLevel: kafkajs.logLevel.WARN })
  const registry = new SchemaRegistry({ host: options.registry })
  const admin = kafka.admin()
  await admin.connect()
  const limits = await admin.fetchTopicOffsets(topic)
  const [group] = await admin.fetchOffsets({ groupId: options.group, topics: [topic] })
  await admin.disconnect()
  const ends = new Map(limits.map(({ partition, high }) => [partition, BigInt(high)]))
  /** Where each partition is: the offset after the last record, and after the last batch. */
  const next = new Map(limits.map(({ partition, low }) => [partition, BigInt(low)]))
  for (const { partition, offset } of group!.partitions) if (BigInt(offset) > next.get(partition)!) next.set(partition, BigInt(offset))
  const reached = new Map(next)

  // kafkajs hides records of aborted and unfinished transactions unless readUncommitted is set.
  const consumer = kafka.consumer({ groupId: options.group, readUncommitted: false, maxWaitTimeInMs: 250 })
  let assigned: number[] | undefined
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => (assigned = payload.memberAssignment[topic] ?? []))
  // Markers of transactions and aborted records take offsets too, so the end is told by batches and not by records.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => reached.set(payload.partition, BigInt(payload.lastOffset) + 1n))
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      // After an error kafkajs reads again from what it has committed, which is less than what was read.
      if (BigInt(message.offset) < (next.get(partition) ?? 0n)) return
      if (message.key !== null) {
        const key = (await registry.decode(message.key)) as K
        const value = message.value === null ? null : ((await registry.decode(message.value)) as V)
        onRecord({ key, value })
      }
      next.set(partition, BigInt(message.offset) + 1n)
    },
  })
  if (!options.exitAtEnd) return new Promise<never>(() => undefined)
  while (assigned?.every(partition => reached.get(partition)! >= (ends.get(partition) ?? 0n)) !== true) await sleep(100)
  await consumer.disconnect()
}
