/** What both examples need from outside: options, Kafka with the LZ4 codec, and the registry. Nothing of flowloom is imported. */
import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import kafkajs, { type Consumer, type Kafka } from 'kafkajs'
import { compressFrame, decompressFrame } from 'lz4-napi'

// flowloom compresses with LZ4 by default, which kafkajs leaves to its users.
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.LZ4] = () => ({
  compress: (encoder: { buffer: Buffer }) => compressFrame(encoder.buffer),
  decompress: (buffer: Buffer) => decompressFrame(buffer),
})

/** Where to read, from flags or environment. */
export interface Options {
  readonly brokers: string[]
  readonly registry: string
  readonly prefix: string
  readonly group: string
  readonly exitAtEnd: boolean
  readonly rest: string[]
}

/** Reads `--brokers`, `--registry`, `--prefix`, `--group`, `--exit-at-end`; BROKERS and REGISTRY in the environment are the defaults. */
export function readOptions(env: NodeJS.ProcessEnv): Options {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      brokers: { type: 'string', default: env['BROKERS'] ?? '127.0.0.1:9092' },
      registry: { type: 'string', default: env['REGISTRY'] ?? 'http://127.0.0.1:8081/apis/ccompat/v7' },
      prefix: { type: 'string', default: 'flowloom.' },
      group: { type: 'string', default: `example-${randomUUID()}` },
      'exit-at-end': { type: 'boolean', default: false },
    },
  })
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
 * @param onRecord Called in order per partition.
 * @returns Ends where `exitAtEnd` is set and nothing came for three seconds; else never.
 */
export async function readTopic<K, V>(options: Options, topic: string, onRecord: (record: Decoded<K, V>) => void): Promise<void> {
  const kafka: Kafka = new kafkajs.Kafka({ clientId: 'flowloom-example', brokers: options.brokers, logLevel: kafkajs.logLevel.WARN })
  const registry = new SchemaRegistry({ host: options.registry })
  // kafkajs hides records of aborted and unfinished transactions unless readUncommitted is set; docs/consumers.md tells where it fails to.
  const consumer: Consumer = kafka.consumer({ groupId: options.group, readUncommitted: false, maxWaitTimeInMs: 250 })
  let lastMs = Infinity
  consumer.on(consumer.events.GROUP_JOIN, () => (lastMs = Date.now()))
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      lastMs = Date.now()
      if (message.key === null) return
      const key = (await registry.decode(message.key)) as K
      const value = message.value === null ? null : ((await registry.decode(message.value)) as V)
      onRecord({ key, value })
    },
  })
  if (!options.exitAtEnd) return new Promise<never>(() => undefined)
  while (Date.now() - lastMs < 3000 || lastMs === Infinity) await new Promise(resolve => setTimeout(resolve, 100))
  await consumer.disconnect()
}
