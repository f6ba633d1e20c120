/** What both examples need from outside: options, a topic and the registry. Nothing of flowloom is imported. */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { kafkajs } from './kafkajs.ts'

/** A count with its noun: `1 flow`, `2 flows`. */
export const counted = (count: number, noun: string, many = `${noun}s`): string => `${count} ${count === 1 ? noun : many}`

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

/** Ends the program with one line that says why. */
function fail(reason: string): never {
  console.error(reason)
  process.exit(1)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What is called while a topic is read. */
export interface Reading<K, V> {
  /** Called once for each record, in order per partition. */
  readonly onRecord: (record: Decoded<K, V>) => void
  /** Called once, when everything was read that was there at the start. */
  readonly onEnd?: () => void
}

/**
 * Reads a topic from its first record, committed records only. If the broker, the topic or the registry cannot be read, the program ends with a
 * line that says so.
 *
 * @returns Ends where `exitAtEnd` is set and everything was read that was there at the time of the call; else never.
 */
export async function readTopic<K, V>(options: Options, topic: string, { onRecord, onEnd }: Reading<K, V>): Promise<void> {
  const { brokers } = options
  const kafka = new kafkajs.Kafka({ clientId: 'flowloom-example', brokers, logLevel: kafkajs.logLevel.NOTHING })
  const registry = new SchemaRegistry({ host: options.registry })
  const admin = kafka.admin()
  try {
    await admin.connect()
  } catch (error) {
    fail(`no broker answers at ${brokers.join(', ')}: ${messageOf(error)}; check --brokers`)
  }
  if (!(await admin.listTopics()).includes(topic)) fail(`there is no topic ${topic} at ${brokers.join(', ')}: check --prefix`)
  const limits = await admin.fetchTopicOffsets(topic)
  const [group] = await admin.fetchOffsets({ groupId: options.group, topics: [topic] })
  await admin.disconnect()
  const ends = new Map(limits.map(({ partition, high }) => [partition, BigInt(high)]))
  /** Where each partition is: the offset after the last record, and after the last batch. */
  const next = new Map(limits.map(({ partition, low }) => [partition, BigInt(low)]))
  for (const { partition, offset } of group!.partitions) if (BigInt(offset) > next.get(partition)!) next.set(partition, BigInt(offset))
  const reached = new Map(next)

  const decode = async (bytes: Buffer): Promise<unknown> => {
    try {
      return (await registry.decode(bytes)) as unknown
    } catch (error) {
      return fail(`a record of ${topic} cannot be decoded with the registry at ${options.registry}: ${messageOf(error)}; check --registry`)
    }
  }
  // kafkajs hides records of aborted and unfinished transactions unless readUncommitted is set.
  const consumer = kafka.consumer({
    groupId: options.group,
    readUncommitted: false,
    maxWaitTimeInMs: 250,
    retry: { restartOnFailure: () => Promise.resolve(false) },
  })
  let assigned: number[] | undefined
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => (assigned = payload.memberAssignment[topic] ?? []))
  consumer.on(consumer.events.CRASH, ({ payload }) => fail(`reading ${topic} at ${brokers.join(', ')} failed: ${payload.error.message}`))
  // Markers of transactions and aborted records take offsets too, so the end is told by batches and not by records.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => reached.set(payload.partition, BigInt(payload.lastOffset) + 1n))
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      // After an error kafkajs reads again from what it has committed, which is less than what was read.
      if (BigInt(message.offset) < (next.get(partition) ?? 0n)) return
      if (message.key !== null) {
        const key = (await decode(message.key)) as K
        const value = message.value === null ? null : ((await decode(message.value)) as V)
        onRecord({ key, value })
      }
      next.set(partition, BigInt(message.offset) + 1n)
    },
  })
  while (assigned?.every(partition => reached.get(partition)! >= (ends.get(partition) ?? 0n)) !== true) await sleep(100)
  onEnd?.()
  if (!options.exitAtEnd) return new Promise<never>(() => undefined)
  await consumer.disconnect()
}
