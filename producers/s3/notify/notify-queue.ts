/** A queue of notifications behind the AWS SDK: receives and deletes in batches, errors by code, requests counted. */
import {
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs'
import type { S3Queue, S3Settings } from '../settings.ts'
import { FlowError, namedErrorText, type ErrorCode } from '../../../runtime/errors.ts'
import { counter } from '../../../runtime/metrics.ts'
import { credentialsOf, hasNoCredentials, isCredentialTrouble } from '../../../aws/credentials.ts'
import { regionOfQueue } from '../../../aws/regions.ts'
import { requestLimits } from '../../../aws/request-limits.ts'

const requests = counter('flowloom_sqs_requests_total', 'requests to SQS as flowloom makes them; the retries of the SDK count once', [
  'operation',
  'result',
])

/** A message as received. */
export interface QueueMessage {
  readonly id: string
  readonly body: string
  /** Names this delivery of the message, to delete it. */
  readonly receipt: string
  /** How often it was received, this time included. */
  readonly receives: number
}

/** What the source needs of a queue. Every method rejects with FlowError SQS_ACCESS_DENIED, SQS_NOT_FOUND, SQS_CREDENTIALS or SQS_UNAVAILABLE. */
export interface NotificationQueue {
  readonly url: string
  /** Waits for messages, at most ten, for at most 20 seconds. */
  receive(signal: AbortSignal): Promise<QueueMessage[]>
  /** @returns How many could not be deleted; they come again. */
  delete(messages: readonly QueueMessage[]): Promise<number>
  /** Rejects where receiving is not allowed. What it receives is visible again at once. */
  tryReceive(): Promise<void>
  /** Rejects where deleting is not allowed. Deletes nothing. */
  tryDelete(): Promise<void>
  close(): void
}

/** The most that SQS gives at once. */
const batchMessages = 10
/** The longest that SQS lets wait. */
const waitSeconds = 20
/** A request on which nothing comes for so long is given up, in the middle of an answer too. */
const longestSilenceMs = (waitSeconds + 10) * 1000

const codeByName: Readonly<Record<string, ErrorCode>> = {
  AccessDenied: 'SQS_ACCESS_DENIED',
  AccessDeniedException: 'SQS_ACCESS_DENIED',
  QueueDoesNotExist: 'SQS_NOT_FOUND',
  'AWS.SimpleQueueService.NonExistentQueue': 'SQS_NOT_FOUND',
}

/** Maps what the SDK throws by its name, then by its HTTP status, never by its text. */
export function sqsError(error: unknown, url: string): FlowError {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } }
  const known = isCredentialTrouble(error)
    ? undefined
    : (codeByName[name ?? ''] ?? ($metadata?.httpStatusCode === 403 ? 'SQS_ACCESS_DENIED' : undefined))
  return new FlowError(
    known ?? (hasNoCredentials(error) ? 'SQS_CREDENTIALS' : 'SQS_UNAVAILABLE'),
    { url, detail: namedErrorText(error) },
    { cause: error },
  )
}

class SqsQueue implements NotificationQueue {
  readonly url: string
  readonly #client: SQSClient
  readonly #visibilityS: number

  constructor(client: SQSClient, url: string, visibilityMs: number) {
    this.#client = client
    this.url = url
    this.#visibilityS = Math.ceil(visibilityMs / 1000)
  }

  async receive(signal: AbortSignal): Promise<QueueMessage[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.url,
      MaxNumberOfMessages: batchMessages,
      WaitTimeSeconds: waitSeconds,
      VisibilityTimeout: this.#visibilityS,
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
    })
    const { Messages = [] } = await this.#counted('receive', () => this.#client.send(command, { abortSignal: signal }))
    return Messages.map(({ MessageId = '', Body = '', ReceiptHandle = '', Attributes }) => ({
      id: MessageId,
      body: Body,
      receipt: ReceiptHandle,
      receives: Number(Attributes?.ApproximateReceiveCount ?? 1),
    }))
  }

  async delete(messages: readonly QueueMessage[]): Promise<number> {
    const entries = messages.map(({ receipt }, index) => ({ Id: String(index), ReceiptHandle: receipt }))
    const command = new DeleteMessageBatchCommand({ QueueUrl: this.url, Entries: entries })
    const { Failed = [] } = await this.#counted('delete', () => this.#client.send(command))
    return Failed.length
  }

  async tryReceive(): Promise<void> {
    const command = new ReceiveMessageCommand({ QueueUrl: this.url, MaxNumberOfMessages: 1, VisibilityTimeout: 0 })
    await this.#counted('receive', () => this.#client.send(command))
  }

  async tryDelete(): Promise<void> {
    const command = new DeleteMessageCommand({ QueueUrl: this.url, ReceiptHandle: 'of no message' })
    try {
      await this.#counted('delete', () => this.#client.send(command))
    } catch (error) {
      const { name } = (error as FlowError).cause as { name?: string }
      if (name !== 'ReceiptHandleIsInvalid' && name !== 'InvalidParameterValue') throw error
    }
  }

  close(): void {
    this.#client.destroy()
  }

  async #counted<T>(operation: 'receive' | 'delete', call: () => Promise<T>): Promise<T> {
    try {
      const answer = await call()
      requests.inc({ operation, result: 'ok' })
      return answer
    } catch (error) {
      const known = sqsError(error, this.url)
      requests.inc({ operation, result: known.code })
      throw known
    }
  }
}

/**
 * Opens a queue; makes no request by itself. The queue's own URL is the endpoint.
 *
 * @param settings Section `s3` of the configuration.
 * @param silentMs A request on which nothing comes for so long is given up.
 */
export function openQueue(settings: S3Settings, queue: S3Queue, silentMs = longestSilenceMs): NotificationQueue {
  const region = regionOfQueue(queue, settings.region)
  const config: SQSClientConfig = {
    region,
    endpoint: new URL(queue.url).origin,
    credentials: credentialsOf(settings, region, queue),
    maxAttempts: 2,
    requestHandler: requestLimits(silentMs),
  }
  return new SqsQueue(new SQSClient(config), queue.url, settings.queueVisibilityMs)
}
