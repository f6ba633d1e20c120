/** Queues and topics of the local SQS and SNS server for tests, and the events that S3 sends. */
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { randomBytes } from 'node:crypto'
import { until } from '../kafka/kafka-lab.ts'

/** A queue of its own for a test. */
export class TestQueue {
  readonly url: string
  readonly #sqs: SQSClient

  private constructor(sqs: SQSClient, url: string) {
    this.#sqs = sqs
    this.url = url
  }

  /** @param endpoint Of the local server. */
  static async create(endpoint: string, attributes: Record<string, string> = {}): Promise<TestQueue> {
    const sqs = new SQSClient({ endpoint, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } })
    const name = `q${randomBytes(4).toString('hex')}`
    const queue = new TestQueue(sqs, `${endpoint}/000000000000/${name}`)
    await queue.make(attributes)
    return queue
  }

  /** Makes the queue, where it was deleted. */
  async make(attributes: Record<string, string> = {}): Promise<void> {
    await this.#sqs.send(new CreateQueueCommand({ QueueName: this.url.replace(/.*\//, ''), Attributes: attributes }))
  }

  async delete(): Promise<void> {
    await this.#sqs.send(new DeleteQueueCommand({ QueueUrl: this.url }))
  }

  async send(...bodies: string[]): Promise<void> {
    for (const MessageBody of bodies) await this.#sqs.send(new SendMessageCommand({ QueueUrl: this.url, MessageBody }))
  }

  /** Bodies of some messages, which stay where they are. */
  async peek(): Promise<string[]> {
    const { Messages = [] } = await this.#sqs.send(
      new ReceiveMessageCommand({ QueueUrl: this.url, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
    )
    return Messages.map(({ Body = '' }) => Body)
  }

  /** Messages that wait, and messages that were received and not deleted. */
  async counts(): Promise<{ waiting: number; taken: number }> {
    const { Attributes } = await this.#sqs.send(new GetQueueAttributesCommand({ QueueUrl: this.url, AttributeNames: ['All'] }))
    return {
      waiting: Number(Attributes?.['ApproximateNumberOfMessages']),
      taken: Number(Attributes?.['ApproximateNumberOfMessagesNotVisible']),
    }
  }

  /** Waits until every message was received and deleted. */
  async empty(): Promise<void> {
    await until(
      async () => {
        const { waiting, taken } = await this.counts()
        return waiting + taken === 0
      },
      30_000,
      'an empty queue',
    )
  }

  async arn(): Promise<string> {
    const { Attributes } = await this.#sqs.send(new GetQueueAttributesCommand({ QueueUrl: this.url, AttributeNames: ['QueueArn'] }))
    return Attributes!['QueueArn']!
  }

  close(): void {
    this.#sqs.destroy()
  }
}

/** A topic of its own for a test. The local server takes requests without a signature, so that no client of SNS is needed. */
export class TestTopic {
  readonly arn: string
  readonly #endpoint: string

  private constructor(endpoint: string, arn: string) {
    this.#endpoint = endpoint
    this.arn = arn
  }

  /** @param endpoint Of the local server. */
  static async create(endpoint: string): Promise<TestTopic> {
    const answer = await ask(endpoint, { Action: 'CreateTopic', Name: `s${randomBytes(4).toString('hex')}` })
    return new TestTopic(endpoint, /<TopicArn>(.+)<\/TopicArn>/.exec(answer)![1]!)
  }

  /** @param raw Deliver messages as they are, not in the envelope of SNS. */
  async subscribe(queue: TestQueue, raw: boolean): Promise<void> {
    await ask(this.#endpoint, {
      Action: 'Subscribe',
      TopicArn: this.arn,
      Protocol: 'sqs',
      Endpoint: await queue.arn(),
      'Attributes.entry.1.key': 'RawMessageDelivery',
      'Attributes.entry.1.value': String(raw),
    })
  }

  async publish(...messages: string[]): Promise<void> {
    for (const Message of messages)
      await ask(this.#endpoint, { Action: 'Publish', TopicArn: this.arn, Subject: 'Amazon S3 Notification', Message })
  }
}

async function ask(endpoint: string, parameters: Record<string, string>): Promise<string> {
  const answer = await fetch(endpoint, { method: 'POST', body: new URLSearchParams({ ...parameters, Version: '2010-03-31' }) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`the SNS server refuses ${parameters['Action']}: ${text}`)
  return text
}

/** A record of an S3 event. */
export const s3Record = (bucket: string, key: string, eventName = 'ObjectCreated:Put', eTag?: string): object => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  eventName,
  eventTime: new Date().toISOString(),
  s3: {
    bucket: { name: bucket },
    object: { key: encodeURIComponent(key).replaceAll('%2F', '/'), ...(eTag === undefined ? {} : { eTag }) },
  },
})

/** An S3 event. */
export const s3Event = (...records: object[]): string => JSON.stringify({ Records: records })

/** The same from EventBridge. */
export const bridgeEvent = (bucket: string, key: string): string =>
  JSON.stringify({
    source: 'aws.s3',
    'detail-type': 'Object Created',
    time: new Date().toISOString(),
    detail: { bucket: { name: bucket }, object: { key } },
  })

/** What S3 sends when notifications are set up. */
export const testEvent = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'any' })
