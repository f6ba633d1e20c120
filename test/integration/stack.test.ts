// The local stack by the real clients: every service works, survives SIGKILL with its data, and ends with its parent.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import { Kafka, logLevel } from 'kafkajs'
import type { KafkaConfig } from 'kafkajs'
import { serviceNames } from '../../stack/child-service.ts'
import { startStack } from '../../stack/local-stack.ts'
import type { Stack } from '../../stack/local-stack.ts'
import { freePorts, portTable } from '../../stack/ports.ts'
import type { Ports } from '../../stack/ports.ts'
import { markProcess } from '../../stack/process-mark.ts'
import { StackError } from '../../stack/stack-error.ts'

const folder = mkdtempSync(join(tmpdir(), 'flowloom-stack-'))
const dataDir = join(folder, 'one')
const progress: string[] = []
let stack: Stack
let s3: S3Client
let clickhouse: ReturnType<typeof createClient>
let kafka: Kafka

const newKafka = (config: Partial<KafkaConfig> = {}): Kafka =>
  new Kafka({ clientId: 'stack-test', brokers: stack.endpoints.kafkaBrokers, logLevel: logLevel.NOTHING, ...config })

const isGone = (pid: number | undefined): boolean => pid !== undefined && markProcess(pid) === undefined

before(async () => {
  stack = await startStack({ dataDir, ports: 'free', tls: true, log: text => progress.push(text) })
  s3 = new S3Client({
    endpoint: stack.endpoints.s3Endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  })
  clickhouse = createClient({ url: stack.endpoints.clickhouseUrl, log: { level: ClickHouseLogLevel.OFF } })
  kafka = newKafka()
})

after(async () => {
  s3.destroy()
  await clickhouse.close()
  await stack.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function readTopic(client: Kafka, topic: string, count: number, groupId: string): Promise<string[]> {
  const consumer = client.consumer({ groupId, sessionTimeout: 1000, heartbeatInterval: 300 })
  const values: string[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  try {
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          eachMessage: async ({ message }) => {
            values.push(String(message.value))
            if (values.length === count) resolve()
          },
        })
        .catch(reject)
    })
  } finally {
    await consumer.disconnect()
  }
  return values
}

async function produce(client: Kafka, topic: string, values: (string | Buffer)[], transactionalId?: string): Promise<void> {
  const producer = client.producer(transactionalId === undefined ? {} : { transactionalId, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  try {
    const sender = transactionalId === undefined ? undefined : await producer.transaction()
    await (sender ?? producer).send({ topic, acks: -1, messages: values.map(value => ({ value })) })
    await sender?.commit()
  } finally {
    await producer.disconnect()
  }
}

async function createTopic(client: Kafka, topic: string): Promise<void> {
  const admin = client.admin()
  await admin.connect()
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true })
  } finally {
    await admin.disconnect()
  }
}

async function sqs(action: string, body: Record<string, unknown>): Promise<{ Messages?: { Body: string; ReceiptHandle: string }[] }> {
  const response = await fetch(stack.endpoints.s3Endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${action}` },
    body: JSON.stringify({ QueueUrl: stack.endpoints.sqsQueueUrl, ...body }),
  })
  assert.equal(response.status, 200)
  const text = await response.text()
  return text === '' ? {} : JSON.parse(text)
}

const failure = (code: string) => (error: unknown) => error instanceof StackError && error.code === code

describe('stack start', () => {
  it('tells the progress of each service', () => {
    for (const name of serviceNames) assert.ok(progress.some(line => new RegExp(`^${name} answers after \\d+ ms`).test(line)))
  })

  it('refuses a second stack on the same folder and says which process has it', async () => {
    const again = startStack({ dataDir, ports: 'free' })
    await assert.rejects(
      again,
      (error: Error) =>
        failure('STACK_RUNNING')(error) &&
        error.message.includes(`pid ${process.pid}`) &&
        error.message.endsWith(`end it with \`npm run stack -- stop --data-dir ${dataDir}\``),
    )
  })

  it('says which port is in use, of which service, and how to change it', async () => {
    const ports = await freePorts()
    const other = createServer().listen(ports.registry, '127.0.0.1')
    await once(other, 'listening')
    try {
      const start = startStack({ dataDir: join(folder, 'two'), ports })
      await assert.rejects(start, (error: Error) => {
        assert.ok(failure('PORT_IN_USE')(error))
        assert.equal(error.message.split('\n').length, 1)
        assert.match(error.message, new RegExp(`port ${ports.registry} of the schema registry.*--registry-port or STACK_REGISTRY_PORT`))
        return true
      })
    } finally {
      other.close()
    }
  })

  it('refuses data of which a part was removed', async () => {
    const part = join(folder, 'part')
    const first = startStack({ dataDir: part, ports: 'free', minFreeBytes: 2 ** 60 })
    await assert.rejects(first, failure('DISK_FULL'))
    mkdirSync(join(part, 'kafka', 'logs'), { recursive: true })
    await assert.rejects(startStack({ dataDir: part, ports: 'free' }), failure('DATA_INCOMPLETE'))
  })
})

describe('kafka', () => {
  it('takes plain and transactional records, and none above the default limit of the broker', async () => {
    await createTopic(kafka, 'plain')
    await produce(kafka, 'plain', ['a', 'b'])
    await produce(kafka, 'plain', ['c'], 'tx-1')
    await produce(kafka, 'plain', [Buffer.alloc(1_000_000, 'x')])
    const values = await readTopic(kafka, 'plain', 4, 'plain-readers')
    assert.deepEqual(values.slice(0, 3), ['a', 'b', 'c'])
    assert.equal(values[3]?.length, 1_000_000)
    await assert.rejects(
      produce(newKafka({ retry: { retries: 0 } }), 'plain', [Buffer.alloc(1_100_000, 'x')]),
      /larger than the max message size/,
    )
  })

  it('makes no topic that nobody asked for', async () => {
    await assert.rejects(produce(newKafka({ retry: { retries: 0 } }), 'nobody-made-this', ['a']))
  })

  it('lets clients in over TLS with SCRAM, and only those with the password', async () => {
    const tls = stack.kafkaTls
    assert.ok(tls !== undefined)
    const brokers = stack.endpoints.kafkaTlsBrokers ?? []
    const ssl = { ca: [readFileSync(tls.caFile, 'utf8')] }
    const secure = (password: string): Kafka =>
      newKafka({ brokers, ssl, sasl: { mechanism: tls.mechanism, username: tls.username, password }, retry: { retries: 0 } })
    await createTopic(secure(tls.password), 'secret')
    await produce(secure(tls.password), 'secret', ['a'])
    assert.deepEqual(await readTopic(secure(tls.password), 'secret', 1, 'secret-readers'), ['a'])
    await assert.rejects(createTopic(secure('wrong'), 'never'), /[Aa]uthentication/)
  })
})

describe('schema registry', () => {
  it('registers, encodes, decodes and checks compatibility', async () => {
    const registry = new SchemaRegistry({ host: stack.endpoints.registryUrl })
    const schema = (fields: unknown[]): string => JSON.stringify({ type: 'record', name: 'R', namespace: 'n', fields })
    const options = { subject: 'r-value', compatibility: 'FULL' as never }
    const { id } = await registry.register({ type: SchemaType.AVRO, schema: schema([{ name: 'a', type: 'int' }]) }, options)
    assert.deepEqual(await registry.decode(await registry.encode(id, { a: 7 })).then(value => ({ ...value })), { a: 7 })
    await assert.rejects(registry.register({ type: SchemaType.AVRO, schema: schema([{ name: 'a', type: 'string' }]) }, options), {
      status: 409,
    })
  })
})

describe('stack stop', () => {
  it('keeps all data when every service is killed and started again', async () => {
    const registry = (): SchemaRegistry => new SchemaRegistry({ host: stack.endpoints.registryUrl })
    const bucket = 'flow-logs'
    await createTopic(kafka, 'kept')
    await clickhouse.command({ query: 'CREATE TABLE kept (a UInt32) ENGINE = MergeTree ORDER BY a' })
    await sqs('PurgeQueue', {})
    const { id } = await registry().register(
      { type: SchemaType.AVRO, schema: '{"type":"record","name":"K","fields":[{"name":"k","type":"int"}]}' },
      { subject: 'kept' },
    )
    await produce(kafka, 'kept', ['still here'])
    await clickhouse.insert({ table: 'kept', values: [{ a: 1 }], format: 'JSONEachRow' })
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: 'kept', Body: 'kept' }))

    const killed = stack.pids
    await Promise.all(serviceNames.map(name => stack.kill(name)))
    assert.ok(Object.values(killed).every(isGone))
    assert.deepEqual(Object.values(stack.pids), [undefined, undefined, undefined, undefined])
    await Promise.all(serviceNames.map(name => stack.restart(name)))
    assert.ok(serviceNames.every(name => stack.pids[name] !== killed[name]))

    assert.deepEqual(await readTopic(newKafka(), 'kept', 1, 'kept-readers'), ['still here'])
    assert.deepEqual({ ...(await registry().decode(await registry().encode(id, { k: 1 }))) }, { k: 1 })
    const rows = await clickhouse.query({ query: 'SELECT a FROM kept', format: 'JSONEachRow' })
    assert.deepEqual(await rows.json(), [{ a: 1 }])
    assert.equal((await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: 'kept' }))).ContentLength, 4)
    const { Messages } = await sqs('ReceiveMessage', { WaitTimeSeconds: 1 })
    assert.equal(JSON.parse(Messages?.[0]?.Body ?? '{}').Records[0].s3.object.key, 'kept')
  })

  it('tells its owner of a service that ends unasked', { timeout: 60_000 }, async () => {
    process.kill(stack.pids.registry!, 'SIGKILL')
    await assert.rejects(stack.failed, /^Error: registry ended unasked \(SIGKILL\); its log is .*registry\.log$/)
    await stack.restart('registry')
  })

  it('leaves no process and no pid file', async () => {
    const { pids } = stack
    await stack.stop()
    assert.ok(Object.values(pids).every(isGone))
    assert.deepEqual(readdirSync(join(dataDir, 'run')), ['endpoints.json'])
  })

  it('as a command: says what it leaves behind when killed, starts over it, and ends by `stop`', async () => {
    const ports: Ports = await freePorts()
    const other = join(folder, 'command')
    const flags = Object.entries(ports).flatMap(([name, port]) => [portTable[name as keyof Ports].flag, String(port)])
    const run = (...args: string[]) =>
      spawn(process.execPath, ['stack/stack-command.ts', ...args, '--data-dir', other], { stdio: ['ignore', 'pipe', 'inherit'] })
    const output = async (...args: string[]): Promise<string> => String(await buffer(run(...args).stdout))
    const start = async () => {
      const command = run('start', ...flags)
      let text = ''
      for await (const chunk of command.stdout.iterator({ destroyOnReturn: false }))
        if ((text += String(chunk)).includes('Ctrl-C ends it')) break
      command.stdout.resume()
      return { command, text }
    }
    const pidsOf = (text: string): number[] => [...text.matchAll(/\(pid (\d+)\)$/gm)].map(found => Number(found[1]))

    const first = await start()
    assert.match(first.text, new RegExp(`^export FLOWLOOM_KAFKA_BROKERS=127.0.0.1:${ports.kafka}$`, 'm'))
    first.command.kill('SIGKILL')
    await once(first.command, 'exit')
    const second = await start()
    for (const pid of pidsOf(first.text)) assert.ok(isGone(pid) && second.text.includes(`(pid ${pid}), left behind`))
    assert.match(await output('status'), new RegExp(`runs \\(pid ${String(second.command.pid)}\\)`))
    const [[code], stopped] = await Promise.all([once(second.command, 'exit'), output('stop')])
    assert.equal(code, 0)
    assert.match(stopped, /stopped/)
    assert.equal(pidsOf(second.text).filter(pid => !isGone(pid)).length, 0)
    assert.match(await output('reset'), /wiped/)
    assert.equal(existsSync(join(other, 'kafka')), false)
  })
})
