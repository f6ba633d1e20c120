/**
 * `flowloom backfill`: announces the objects of a range of days, and follows the ledger until they are read.
 *
 * Beside live work: only so many objects are announced ahead of what was read, so that a new object never waits behind the whole backfill.
 * Stopped and started again, it announces what the ledger does not yet have; what was read adds nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Announcement } from '../producers/s3/objects/announce-arrivals.ts'
import { dayOf, type Selection } from '../producers/s3/objects/key-layout.ts'
import { accountsPrefix, folderOf } from '../producers/s3/source-folder.ts'
import { listLayout, listObjects, type ListFault } from '../producers/s3/objects/list-objects.ts'
import { sourceOf, type ListedObject, type ObjectStore } from '../producers/s3/objects/object-store.ts'
import { createS3Stores } from '../producers/s3/objects/s3-object-store.ts'
import { rootOf } from '../producers/s3/objects/source-layout.ts'
import type { S3Source } from '../producers/s3/settings.ts'
import { bucketFault } from '../producers/s3/value-checks.ts'
import { FlowError } from '../runtime/errors.ts'
import { readTopic } from '../runtime/kafka/topic-reader.ts'
import { parseObjectName } from '../schemas/object-name.ts'
import { topics } from '../schemas/topics.ts'
import { openAnnouncer } from '../operations/announcer.ts'
import { BackfillBooks } from '../operations/backfill/backfill-books.ts'
import { bytesText, countText, fitted, progressText } from './print/backfill-progress.ts'
import { type Command, type CommandInput, configOption } from './arguments/command.ts'
import { countingLists } from '../producers/s3/objects/list-requests.ts'
import { openSession, type Session } from '../operations/session.ts'
import { parseTime } from './arguments/times.ts'

/** What to read. */
export interface BackfillRange {
  readonly bucket: string
  /** What was asked for, behind the bucket. */
  readonly path: string
  /** In front of `AWSLogs/`. */
  readonly prefix: string
  /** Keys begin so. */
  readonly below: string
  readonly fromMs: number
  /** First millisecond that is not wanted any more. */
  readonly toMs: number
}

const dayMs = 86_400_000
const announceRecords = 500
const stalledMs = 30_000
const usage = (detail: string): FlowError => new FlowError('USAGE', { detail, command: 'backfill' })

/** Reads a time; a day as the end of what is wanted is wanted to its own end. */
function timeOf(text: string, endOfDay: boolean): number {
  const wholeDay = /^\d{4}-\d{2}-\d{2}$/.test(text)
  return parseTime(text, 'backfill') * 1000 + (wholeDay && endOfDay ? dayMs : 0)
}

/**
 * Reads what is asked for.
 *
 * @throws FlowError USAGE.
 */
export function parseRange({ values, positionals }: Pick<CommandInput, 'values' | 'positionals'>, nowMs: number): BackfillRange {
  const [url, ...more] = positionals
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]*)(?:\/(.*))?$/s.exec(url ?? '')
  if (match === null || more.length > 0) {
    const instead = more.length > 0 ? null : /write bucket: ([^,]+)(?:, prefix: ([^,]*))?/.exec(bucketFault(url ?? '') ?? '')
    const words = instead === null ? '' : `: write s3://${instead[1]!}${instead[2] === undefined ? '' : `/${instead[2]}`}`
    throw usage(`"${positionals.join(' ')}" is not one of s3://bucket or s3://bucket/prefix${words}`)
  }
  if (values['from'] === undefined) throw usage('--from is missing')
  const path = (match[2] ?? '').replace(/^\/+/, '')
  const at = /(?:^|\/)AWSLogs(?:\/|$)/.exec(path)
  const prefix = (at === null ? path : path.slice(0, at.index)).replace(/\/+$/, '')
  const start = accountsPrefix({ prefix })
  const range = {
    bucket: match[1]!,
    path,
    prefix,
    below: at === null || path.length < start.length ? start : path,
    fromMs: timeOf(values['from'] as string, false),
    toMs: values['to'] === undefined ? nowMs : timeOf(values['to'] as string, true),
  }
  if (range.fromMs >= range.toMs) throw usage('--from is after --to')
  return range
}

/** What to list, and by which layout. */
export interface BackfillScope extends BackfillRange {
  /** The source whose layout is not that of flow logs; undefined: by the folders of flow logs. */
  readonly source: S3Source | undefined
  /** What the sources of these folders choose; empty: everything. */
  readonly chosen: readonly Selection[]
}

/** The source that has the path in its folder, the innermost one, says the layout. */
export function scopeOf(sources: readonly S3Source[], range: BackfillRange): BackfillScope {
  const [source] = sources
    .filter(each => each.bucket === range.bucket && `${range.path}/`.startsWith(folderOf(each)))
    .sort((a, b) => folderOf(b).length - folderOf(a).length)
  const chosen = sources.filter(each => each.bucket === range.bucket && each.layout === 'flow-logs' && folderOf(each) === folderOf(range))
  if (source === undefined || source.layout === 'flow-logs') return { ...range, source: undefined, chosen }
  const root = rootOf(source)
  return { ...range, source, chosen: [], below: range.path.startsWith(root) ? range.path : root }
}

/** The objects of the range; a slot in the name decides, where there is one, unless the layout of the source says another time. */
async function* objectsOf(
  store: ObjectStore,
  range: BackfillScope,
  onFault: ListFault,
  signal: AbortSignal,
  onLeftOut: (prefix: string) => void = () => undefined,
): AsyncGenerator<ListedObject> {
  if (range.source !== undefined) {
    yield* listLayout(store, range.source, range, onFault, signal)
    return
  }
  const { bucket, prefix, below } = range
  const [{ accounts, regions }, ...others] = range.chosen.length === 0 ? [{} as Selection] : (range.chosen as [Selection, ...Selection[]])
  const scope = { bucket, prefix, below, accounts, regions, others, onLeftOut, fromDay: dayOf(range.fromMs), toDay: dayOf(range.toMs - 1) }
  for await (const object of listObjects(store, scope, onFault, signal)) {
    const { slotStart } = parseObjectName(object.key)
    if (slotStart === null || (slotStart * 1000 >= range.fromMs && slotStart * 1000 < range.toMs)) yield object
  }
}

/** What the keys of a layout look like, for somebody who finds none. */
const expectedKeys: Readonly<Record<S3Source['layout'], string>> = {
  'flow-logs': 'keys like <prefix>/AWSLogs/<account>/vpcflowlogs/<region>/<yyyy>/<mm>/<dd>/',
  firehose: 'keys like <prefix>/<yyyy>/<mm>/<dd>/<hh>/',
  any: 'objects that were stored in that time',
}

/** How a backfill ended. */
export interface BackfillReport {
  readonly objects: number
  readonly bytes: number
  /** Read before this backfill began. */
  readonly before: number
  readonly announced: number
  readonly done: number
  readonly failed: number
  readonly unlisted: number
}

/** How to run it. */
export interface BackfillOptions {
  readonly dryRun?: boolean
  /** Announce everything at once and do not wait. */
  readonly noWait?: boolean
  /** Objects announced and not yet read, at most. */
  readonly ahead: number
  /** Told lines for the person who waits; `progress` is one that replaces the last. */
  readonly say: (text: string, progress?: boolean) => void
}

/**
 * Runs a backfill.
 *
 * @throws FlowError BACKFILL_EMPTY, and what Kafka throws.
 */
export async function backfill(
  session: Session,
  asked: BackfillRange,
  options: BackfillOptions,
  signal: AbortSignal,
): Promise<BackfillReport> {
  const { config, cluster, codecs } = session
  const range = scopeOf(config.s3.sources, asked)
  const { bucket } = range
  const { say } = options
  const store = createS3Stores(config.s3)(bucket, range.below)
  if (sourceOf(config.s3.sources, bucket, range.below) === undefined)
    say(`no source of s3.sources has the bucket ${bucket}: it is read with s3.region and the credentials of section s3`)
  const unlisted = new Set<string>()
  const onFault: ListFault = (error, prefix) => {
    if (!unlisted.has(prefix)) say(`NOT LISTED ${prefix}: ${error.message}`)
    unlisted.add(prefix)
  }
  const books = new BackfillBooks()
  let [listed, requests] = [0, 0]
  const counted = countingLists(store, () => requests++)
  const leftOut = new Set<string>()
  for await (const object of objectsOf(counted, range, onFault, signal, prefix => leftOut.add(prefix))) {
    books.list(bucket, object)
    if (++listed % 10_000 === 0) say(`${countText(listed)} objects listed`, true)
  }
  if (leftOut.size > 0)
    say(`${countText(leftOut.size)} folders of accounts and regions are left out, such as ${[...leftOut][0]!}: no source chooses them`)
  const days = { from: new Date(range.fromMs).toISOString(), to: new Date(range.toMs).toISOString() }
  const { objects, bytes } = books.counts
  if (objects === 0)
    throw new FlowError('BACKFILL_EMPTY', {
      bucket,
      prefix: range.below,
      ...days,
      expected: `${expectedKeys[range.source?.layout ?? 'flow-logs']}${leftOut.size > 0 ? ', of the accounts and regions that its source chooses' : ''}`,
    })

  const follow = new AbortController()
  const stopped = AbortSignal.any([signal, follow.signal])
  let following = Promise.resolve(0)
  try {
    await new Promise<void>((resolve, reject) => {
      const visit: Parameters<typeof readTopic>[2] = ({ key, value }) => {
        if (key !== null && value !== null) books.hear(codecs.objects.decodeKey(key), codecs.objects.decodeValue(value))
      }
      following = readTopic(cluster, topics.objects, visit, { following: { signal: stopped, caughtUp: resolve } })
      following.then(() => resolve(), reject)
    })
    const before = books.counts
    const left = objects - before.done - before.failed
    say(
      `${countText(objects)} objects, ${bytesText(bytes)}: ${countText(before.done)} are read already, ${countText(before.failed)} have failed, ${countText(left)} are to be read`,
    )
    if (before.archived > 0)
      say(
        `${countText(before.archived)} of them are in an archive (storage class GLACIER or DEEP_ARCHIVE): they fail as OBJECT_ARCHIVED unless they are restored first`,
      )
    const report = (announced: number): BackfillReport => {
      const { done, failed } = books.counts
      return {
        objects: books.counts.objects,
        bytes: books.counts.bytes,
        before: before.done,
        announced,
        done,
        failed,
        unlisted: unlisted.size,
      }
    }
    if (options.dryRun === true) {
      // what was just listed is listed twice: to count, and to announce
      say(`S3 requests of the backfill, estimated: ${countText(left)} GET and ${countText(2 * requests)} LIST`)
      return report(0)
    }
    return report(await new Walk(session, range, options, books, store, onFault, AbortSignal.any([signal, aborted(following)])).run())
  } finally {
    follow.abort()
    await following
  }
}

/** Ends when a promise rejects, with its error. */
function aborted(promise: Promise<unknown>): AbortSignal {
  const controller = new AbortController()
  promise.catch((error: unknown) => controller.abort(error))
  return controller.signal
}

/** Announces what is wanted, never too far ahead, and waits for the end. */
class Walk {
  readonly #session: Session
  readonly #range: BackfillScope
  readonly #options: BackfillOptions
  readonly #books: BackfillBooks
  readonly #store: ObjectStore
  readonly #onFault: ListFault
  readonly #signal: AbortSignal
  readonly #startMs = performance.now()
  readonly #toRead: { bytes: number }
  #movedMs = performance.now()
  #ended = -1
  #saidMs = 0
  #warned = false

  constructor(
    session: Session,
    range: BackfillScope,
    options: BackfillOptions,
    books: BackfillBooks,
    store: ObjectStore,
    onFault: ListFault,
    signal: AbortSignal,
  ) {
    this.#session = session
    this.#range = range
    this.#options = options
    this.#books = books
    this.#store = store
    this.#onFault = onFault
    this.#signal = signal
    const { bytes, objects, done, failed } = books.counts
    // sizes of what was read before are not known one by one: the mean will do for an estimate
    this.#toRead = { bytes: Math.round((bytes * (objects - done - failed)) / objects) }
  }

  /** @returns Objects announced. */
  async run(): Promise<number> {
    const { bucket } = this.#range
    const wait = this.#options.noWait !== true
    const announcer = await openAnnouncer(this.#session, 'backfill')
    let announced = 0
    let batch: Announcement[] = []
    const send = async (): Promise<void> => {
      await announcer.announce(batch)
      announced += batch.length
      batch = []
    }
    try {
      for await (const { key, etag, size, lastModifiedMs } of objectsOf(this.#store, this.#range, this.#onFault, this.#signal)) {
        this.#books.list(bucket, { key, etag, size })
        if (!this.#books.take(bucket, key)) continue
        batch.push({ key: { bucket, key }, arrival: { etag, size, lastModifiedMs, source: 'backfill' } })
        if (batch.length >= Math.min(announceRecords, this.#options.ahead)) await send()
        while (wait && this.#books.counts.underWay >= this.#options.ahead) await this.#pause()
      }
      await send()
      while (wait && this.#books.counts.underWay > 0) await this.#pause()
      if (wait) this.#say(true)
      return announced
    } finally {
      await announcer.close()
    }
  }

  async #pause(): Promise<void> {
    await sleep(100, undefined, { signal: this.#signal }).catch(() => undefined)
    this.#signal.throwIfAborted()
    const { done, failed } = this.#books.counts
    if (done + failed !== this.#ended) {
      this.#ended = done + failed
      this.#movedMs = performance.now()
    } else if (!this.#warned && performance.now() - this.#movedMs > stalledMs) {
      this.#warned = true
      this.#options.say(`no object was read for ${stalledMs / 1000} s: does a process run the role fetch?`)
    }
    this.#say(false)
  }

  #say(last: boolean): void {
    if (!last && performance.now() - this.#saidMs < 500) return
    this.#saidMs = performance.now()
    this.#options.say(progressText(this.#books.counts, this.#toRead, (performance.now() - this.#startMs) / 1000), true)
  }
}

/** Says lines to a terminal, where progress is rewritten in place; else progress is a line every ten seconds. */
function speaker(): BackfillOptions['say'] {
  let open = false
  let saidMs = -Infinity
  return (text, progress = false) => {
    if (process.stdout.isTTY) {
      process.stdout.write(`${open ? '\r\x1b[K' : ''}${progress ? fitted(text, process.stdout.columns || 80) : `${text}\n`}`)
      open = progress
    } else if (!progress || performance.now() - saidMs > 10_000) {
      if (progress) saidMs = performance.now()
      console.log(text)
    }
  }
}

/** See the head of this file. */
export const backfillCommand: Command = {
  name: 'backfill',
  summary: 'read the flow logs of past days, beside live work',
  words: 's3://bucket[/prefix]',
  endsOnSignal: true,
  options: {
    config: configOption,
    from: { type: 'string', value: 'TIME', doc: 'first day (2026-11-24, UTC) or time (2026-11-24T10:00:00Z)' },
    to: { type: 'string', value: 'TIME', doc: 'last day, included, or time, not included; default now' },
    'dry-run': { type: 'boolean', doc: 'only say how many objects, bytes and requests these are' },
    'no-wait': { type: 'boolean', doc: 'announce everything at once and end, without following' },
    ahead: { type: 'string', value: 'COUNT', doc: 'objects announced and not yet read, at most; default 1000' },
  },
  details:
    'The prefix is that of a source, with or without AWSLogs/ and what follows it. startDate is ignored; accounts and regions of the source hold.\nObjects of a source with the layout firehose count by the hour of their folder, with the layout any by the time they were stored.\nTo resume, run the same command again; objects already read are skipped. Fetch must run to read the objects.',
  async run({ values, positionals, signal }) {
    const range = parseRange({ values, positionals }, Date.now())
    const ahead = Number((values['ahead'] as string | undefined) ?? 1000)
    if (!Number.isSafeInteger(ahead) || ahead < 1)
      throw usage(`--ahead ${String(values['ahead'])} is not a count: write a whole number, such as 1000`)
    const session = await openSession({ file: values['config'] as string | undefined }, signal)
    const say = speaker()
    const dryRun = values['dry-run'] === true
    const noWait = values['no-wait'] === true
    try {
      const report = await backfill(session, range, { dryRun, noWait, ahead, say }, signal)
      if (dryRun) say('nothing done')
      else say(`${countText(report.announced)} objects announced; ${countText(report.done)} of ${countText(report.objects)} are read`)
      if (report.unlisted > 0 || (!dryRun && !noWait && report.failed > 0))
        throw new FlowError('BACKFILL_INCOMPLETE', { failed: report.failed, unlisted: report.unlisted })
      return 0
    } catch (error) {
      if (!signal.aborted) throw error
      say('stopped; the same command goes on from here')
      return 130
    } finally {
      await session.cluster.close()
    }
  },
}
