/**
 * Reads the messages that tell of new objects: S3 events as S3 sends them, wrapped by SNS, or from EventBridge. Pure.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
 */

/** An object that was created. */
export interface NotifiedObject {
  readonly bucket: string
  /** Decoded. */
  readonly key: string
  /** Without quotes; null if the event does not say it. */
  readonly etag: string | null
  readonly size: number | null
  /** Unix milliseconds; null if the event does not say it. */
  readonly eventMs: number | null
}

/** Why a message cannot be used. */
export type MessageFault = 'not-json' | 'unknown-shape' | 'bad-record'

/** What a message says. With a fault, `created` holds what could be read in spite of it. */
export interface MessageContent {
  readonly created: readonly NotifiedObject[]
  /** Events that are of no new object: removals, restores and so on. */
  readonly otherEvents: number
  /** The message that S3 sends when notifications are set up. */
  readonly isTest: boolean
  readonly fault: MessageFault | null
}

type Json = Record<string, unknown>

/** Envelopes in envelopes: EventBridge to SNS to SQS is the longest way there is. */
const mostEnvelopes = 3
const faulty = (fault: MessageFault): MessageContent => ({ created: [], otherEvents: 0, isTest: false, fault })
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
const numberOf = (value: unknown): number | null => (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null)
const timeOf = (value: unknown): number | null => (typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? Date.parse(value) : null)

/**
 * Reads one message.
 *
 * @param body The text of the message.
 */
export function readMessage(body: string, envelopes = 0): MessageContent {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    return faulty('not-json')
  }
  if (!isObject(parsed)) return faulty('unknown-shape')
  const { Records, Event, Message, detail } = parsed
  if (Array.isArray(Records)) return readRecords(Records)
  if (Event === 's3:TestEvent') return { created: [], otherEvents: 0, isTest: true, fault: null }
  if (typeof Message === 'string' && 'TopicArn' in parsed && envelopes < mostEnvelopes) return readMessage(Message, envelopes + 1)
  if (parsed['source'] === 'aws.s3' && isObject(detail)) return readBridgeEvent(parsed, detail)
  return faulty('unknown-shape')
}

function readRecords(records: readonly unknown[]): MessageContent {
  const created: NotifiedObject[] = []
  let otherEvents = 0
  let fault: MessageFault | null = null
  for (const record of records) {
    if (!isObject(record) || typeof record['eventName'] !== 'string') fault = 'bad-record'
    else if (!/^(?:s3:)?ObjectCreated:/.test(record['eventName'])) otherEvents++
    else {
      const object = createdObject(record)
      if (object === null) fault = 'bad-record'
      else created.push(object)
    }
  }
  return { created, otherEvents, isTest: false, fault }
}

/** Keys are encoded like form fields: a plus is a space. */
function createdObject(record: Json): NotifiedObject | null {
  const s3 = isObject(record['s3']) ? record['s3'] : {}
  const object = isObject(s3['object']) ? s3['object'] : {}
  const bucket = isObject(s3['bucket']) ? textOf(s3['bucket']['name']) : null
  const encoded = textOf(object['key'])
  if (bucket === null || encoded === null) return null
  let key: string
  try {
    key = decodeURIComponent(encoded.replaceAll('+', ' '))
  } catch {
    return null
  }
  return { bucket, key, etag: etagOf(object['eTag']), size: numberOf(object['size']), eventMs: timeOf(record['eventTime']) }
}

/** EventBridge gives keys as they are, not encoded. */
function readBridgeEvent(event: Json, detail: Json): MessageContent {
  if (event['detail-type'] !== 'Object Created') return { created: [], otherEvents: 1, isTest: false, fault: null }
  const object = isObject(detail['object']) ? detail['object'] : {}
  const bucket = isObject(detail['bucket']) ? textOf(detail['bucket']['name']) : null
  const key = textOf(object['key'])
  if (bucket === null || key === null) return faulty('bad-record')
  const created = { bucket, key, etag: etagOf(object['etag']), size: numberOf(object['size']), eventMs: timeOf(event['time']) }
  return { created: [created], otherEvents: 0, isTest: false, fault: null }
}

const etagOf = (value: unknown): string | null => textOf(typeof value === 'string' ? value.replaceAll('"', '') : value)
