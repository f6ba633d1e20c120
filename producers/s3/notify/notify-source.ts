/**
 * Takes notifications of new objects from queues and announces the objects on `object-arrivals`.
 *
 * A message is deleted only after Kafka has acknowledged all its arrivals; whatever happens in between, it comes again, and the ledger of
 * fetch makes a repetition harmless, as it does where discover finds the same object. A message that cannot be used is counted and left: it
 * comes again until the redrive policy of the queue moves it to where a person looks.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { S3Queue, S3Settings, S3Source } from '../settings.ts'
import { whenAborted } from '../../../runtime/abort.ts'
import { FlowError } from '../../../runtime/errors.ts'
import { counter, histogram } from '../../../runtime/metrics.ts'
import type { AtPoint, Source, SourceContext, SourceShape } from '../../../runtime/task.ts'
import { parseObjectName } from '../../../schemas/object-name.ts'
import { announceArrivals } from '../objects/announce-arrivals.ts'
import { dayOf } from '../objects/key-layout.ts'
import { readMessage, type MessageFault, type NotifiedObject } from './notify-events.ts'
import type { NotificationQueue, QueueMessage } from './notify-queue.ts'
import { folderHour, isWanted } from '../objects/source-layout.ts'

const messagesTaken = counter('flowloom_notify_messages_total', 'messages received; test: what S3 sends when notifications are set up', [
  'result',
])
const messagesFaulty = counter('flowloom_notify_poison_messages_total', 'messages that cannot be used, each time they come', ['reason'])
const eventsIgnored = counter('flowloom_notify_events_ignored_total', 'events that ask for nothing', ['reason'])
const objectsAnnounced = counter('flowloom_notify_objects_announced_total', 'arrivals written')
const deletesFailed = counter('flowloom_notify_deletes_failed_total', 'messages that could not be deleted; they come again')
const faults = counter('flowloom_notify_errors_total', 'failed requests to a queue', ['code'])
const delay = histogram(
  'flowloom_notify_delay_seconds',
  'from the event in S3 to the arrival in Kafka',
  [],
  [1, 5, 15, 60, 300, 1800, 7200],
)

/** Receivers of one queue over all processes; more only cost requests. */
const receiversPerQueue = 4
const firstWaitMs = 500
const longestWaitMs = 60_000

/** How to take notifications. */
export interface NotifyOptions {
  readonly settings: Pick<S3Settings, 'sources' | 'queues'>
  readonly open: (queue: S3Queue) => NotificationQueue
  /** Told `notify-sent` between the acknowledgement of Kafka and the deletion. */
  readonly atPoint?: AtPoint
  /** Wait after the first failure; for tests. */
  readonly firstWaitMs?: number
}

/** Queues that a shard serves: every queue has up to four receivers, spread over the shards. */
export function queuesOfShard<T>(queues: readonly T[], shard: number, shards: number): T[] {
  const served: T[] = []
  const receivers = Math.max(queues.length, Math.min(shards, receiversPerQueue * queues.length))
  for (let n = shard; n < receivers; n += shards) served.push(queues[n % queues.length]!)
  return served
}

/** The source: notifications of new objects in, arrivals out. */
export const notifySource = {
  name: 'notify',
  // the name of the source once: in an upgrade, old and new processes share the shards instead of each taking all of them
  group: 's3-notify',
  to: ['objectArrivals'],
  shardBy: 'objectArrivals',
} as const satisfies SourceShape

/** Makes the source. */
export function createNotifySource(options: NotifyOptions): Source {
  return {
    ...notifySource,
    async runShard(context) {
      const stop = new AbortController()
      const signal = AbortSignal.any([context.signal, stop.signal])
      const queues = queuesOfShard(options.settings.queues, context.shard, context.shards).map(queue => options.open(queue))
      const receivers = queues.map(queue => new Receiver(options, queue, context, signal).run())
      try {
        await Promise.all([...receivers, whenAborted(signal)])
      } finally {
        stop.abort()
        await Promise.allSettled(receivers)
        for (const queue of queues) queue.close()
      }
    },
  }
}

type Ignored = 'other-event' | 'other-key' | 'not-chosen' | 'before-start-date'
type Poison = MessageFault | 'unknown-bucket'

/** One loop on one queue. */
class Receiver {
  readonly #options: NotifyOptions
  readonly #queue: NotificationQueue
  readonly #context: SourceContext
  readonly #signal: AbortSignal

  constructor(options: NotifyOptions, queue: NotificationQueue, context: SourceContext, signal: AbortSignal) {
    this.#options = options
    this.#queue = queue
    this.#context = context
    this.#signal = signal
  }

  /** Receives until the signal ends. Rejects where Kafka does not take the arrivals. */
  async run(): Promise<void> {
    const { firstWaitMs: first = firstWaitMs } = this.#options
    const ended = (): boolean => this.#signal.aborted
    let waitMs = first
    while (!ended()) {
      try {
        const messages = await this.#queue.receive(this.#signal)
        if (messages.length > 0) await this.#take(messages)
        waitMs = first
      } catch (error) {
        if (ended()) return
        if (!(error instanceof FlowError) || !error.code.startsWith('SQS_')) throw error
        faults.inc({ code: error.code })
        this.#context.log.warn({ code: error.code, queue: this.#queue.url, waitMs, error: error.message }, 'a queue failed; trying again')
        await sleep(waitMs, undefined, { signal: this.#signal }).catch(() => undefined)
        waitMs = Math.min(waitMs * 2, longestWaitMs)
      }
    }
  }

  /** Announces what messages tell of, then deletes them. */
  async #take(messages: readonly QueueMessage[]): Promise<void> {
    const wanted: NotifiedObject[] = []
    const ended: QueueMessage[] = []
    for (const message of messages) {
      const content = readMessage(message.body)
      if (content.otherEvents > 0) eventsIgnored.inc({ reason: 'other-event' satisfies Ignored }, content.otherEvents)
      let poison: Poison | null = content.fault
      for (const object of content.created) {
        const fate = this.#fateOf(object)
        if (fate === 'announce') wanted.push(object)
        else if (fate === 'unknown-bucket') poison ??= fate
        else eventsIgnored.inc({ reason: fate })
      }
      if (poison === null) {
        ended.push(message)
        messagesTaken.inc({ result: content.isTest ? 'test' : 'taken' })
      } else this.#leave(message, poison)
    }
    await this.#announce(wanted)
    await this.#options.atPoint?.('notify-sent')
    if (ended.length === 0) return
    const failed = await this.#queue.delete(ended)
    if (failed > 0) deletesFailed.inc(failed)
  }

  /** A bucket that no source names may be forgotten in the settings: its messages are kept, where those of other keys are not. */
  #fateOf({ bucket, key, eventMs }: NotifiedObject): 'announce' | 'unknown-bucket' | Exclude<Ignored, 'other-event'> {
    const ofBucket = this.#options.settings.sources.filter(source => source.bucket === bucket)
    if (ofBucket.length === 0) return 'unknown-bucket'
    const sources = ofBucket.filter(source => isWanted(source, key))
    if (sources.length === 0)
      return ofBucket.some(({ accounts: _a, regions: _r, ...source }) => isWanted(source, key)) ? 'not-chosen' : 'other-key'
    const isEarly = (source: S3Source): boolean => {
      const ms = timeOf(source, key, eventMs)
      return source.startDate !== undefined && ms !== null && dayOf(ms) < source.startDate
    }
    return sources.every(isEarly) ? 'before-start-date' : 'announce'
  }

  #leave({ id, body, receives }: QueueMessage, reason: Poison): void {
    messagesTaken.inc({ result: 'poison' })
    messagesFaulty.inc({ reason })
    this.#context.log.warn(
      { queue: this.#queue.url, message: id, receives, reason, start: body.slice(0, 200) },
      'a message cannot be used; it stays in the queue',
    )
  }

  async #announce(objects: readonly NotifiedObject[]): Promise<void> {
    const context = this.#context
    await announceArrivals(
      context,
      objects.map(({ bucket, key, etag, size, eventMs }) => ({
        key: { bucket, key },
        arrival: { etag, size, lastModifiedMs: eventMs, source: 'notification' },
      })),
    )
    objectsAnnounced.inc(objects.length)
    for (const { eventMs } of objects) if (eventMs !== null) delay.observe(Math.max(0, context.nowMs() - eventMs) / 1000)
  }
}

/** Time an object covers, compared with its source's startDate; null if the layout does not tell. */
function timeOf(source: S3Source, key: string, eventMs: number | null): number | null {
  if (source.layout === 'any') return eventMs
  if (source.layout === 'firehose') return folderHour(source, key) ?? null
  const { slotStart } = parseObjectName(key)
  return slotStart === null ? null : slotStart * 1000
}
