/**
 * Reads the objects that arrivals announce and publishes their lines, exactly once.
 *
 * The owner of a partition of `object-arrivals` is the only one that reads its objects and writes its partition of the ledger. Objects are
 * read ahead, but cut and committed one after the other. Whatever is wrong with an object is written to the ledger and never stops the others.
 *
 * Another ETag is another object: where an object is overwritten after some of its lines were published, those lines keep the id of the old
 * version, the ledger record becomes that of the new version, and the new version is read from its first line (counted as a replaced version).
 */
import type { S3Settings, S3Source } from '../settings.ts'
import type { CommitSettings } from '../../../runtime/settings.ts'
import { orAborted } from '../../../runtime/abort.ts'
import { FlowError, type ErrorCode } from '../../../runtime/errors.ts'
import { EachToldOnce } from '../../../runtime/told-once.ts'
import { isCausedByCredentials } from '../../../aws/credentials.ts'
import type { InBatch, InRecord } from '../../../runtime/records.ts'
import type { Position, Role, Task, TaskContext } from '../../../runtime/task.ts'
import type { ObjectArrival, ObjectKey, ObjectLedger } from '../../../schemas/records.ts'
import { createFlowLogService, flowLogOf, type FlowLogService } from './describe-flow-logs.ts'
import { attemptsFailed, objectsResumed, objectsSkipped, retriesWaiting, versionsReplaced } from './fetch-metrics.ts'
import { FlowLogHeaders } from './flow-log-headers.ts'
import { isParquetKey } from '../objects/key-layout.ts'
import { folderOf } from '../source-folder.ts'
import { Ledger, type Decision } from './ledger.ts'
import { headerOfFormat, namesBeforeDescribed } from '../text/log-format.ts'
import { ObjectReader } from './object-reader.ts'
import { openSource } from './object-source.ts'
import { sourceOf, type StoreOf } from '../objects/object-store.ts'
import { sourceHeaders } from './source-headers.ts'
import { fetchRole } from './fetch-role.ts'
import { freshRecord } from './fresh-record.ts'
import { nothingStaged, Outbox, type FetchPoint } from './outbox.ts'
import { ParquetReaders } from '../parquet/parquet-readers.ts'
import { download, ReadAhead, ReadAheadBudget, wholeObjectBytes, type Download } from './read-ahead.ts'

/** How to fetch. */
export interface FetchOptions {
  readonly settings: S3Settings
  /** Section `kafka`, for the bounds of a transaction. */
  readonly kafka: CommitSettings
  readonly stores: StoreOf
  /** Who knows the formats of flow logs; default: EC2, as the settings say. */
  readonly flowLogs?: FlowLogService
  /** Where Parquet objects are decoded; the caller closes it. */
  readonly parquet?: ParquetReaders
  readonly atPoint?: FetchPoint
}

/** What is wrong with an object is noted in its ledger record; any other error ends the task. */
const objectErrors: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'S3_ACCESS_DENIED',
  'S3_KEY_DENIED',
  'S3_NOT_FOUND',
  'S3_NO_BUCKET',
  'S3_CHANGED',
  'S3_UNAVAILABLE',
  'S3_CREDENTIALS',
  'OBJECT_BROKEN',
  'OBJECT_FORMAT',
  'OBJECT_NOT_TEXT',
  'OBJECT_EMPTY',
  'OBJECT_ARCHIVED',
  'OBJECT_OVER_LIMIT',
  'OBJECT_NO_HEADER',
  'FLOW_LOG_UNNAMED',
  'FLOW_LOG_NOT_FOUND',
  'FLOW_LOG_DENIED',
  'FLOW_LOG_FORMAT',
  'EC2_UNAVAILABLE',
])
/** A service that does not answer says nothing about the object, so the object is tried again for ever. */
const outages: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['S3_UNAVAILABLE', 'S3_CREDENTIALS', 'EC2_UNAVAILABLE'])
/** Characters of what a source said that the ledger keeps. */
const longestDetail = 2000
const longestRetryMs = 300_000
/** Bytes that all tasks of the process hold ahead. */
const readAheadBytes = 67_108_864
/** Retries whose downloads are under way at once, of a task. */
const retriesAtOnce = 32

/** Makes the role; opens nothing. */
export function createFetchRole(options: FetchOptions): Role {
  const budget = new ReadAheadBudget(readAheadBytes)
  const { settings, flowLogs = createFlowLogService(settings) } = options
  const headers = new FlowLogHeaders(flowLogs, settings.retryBaseMs)
  const parquet = options.parquet ?? new ParquetReaders()
  const credentials = new EachToldOnce()
  return {
    ...fetchRole,
    createTask: context => new FetchTask({ ...options, parquet }, context, budget, headers, credentials),
  }
}

/** One object to look at: an arrival, or a retry whose time has come. */
interface Job {
  readonly key: ObjectKey
  /** Null: a retry. */
  readonly arrival: ObjectArrival | null
  readonly offset: number | null
  /** When a person asked for another attempt; null: nobody did. */
  readonly askedMs: number | null
  readonly due: ObjectLedger | null
}

class FetchTask implements Task {
  readonly #options: FetchOptions & { readonly parquet: ParquetReaders }
  readonly #context: TaskContext
  readonly #ledger = new Ledger()
  readonly #outbox: Outbox
  readonly #ahead: ReadAhead
  readonly #headers: FlowLogHeaders
  /** Of the process: credentials that are missing are missing for all tasks and objects. */
  readonly #credentials: EachToldOnce
  #nextRetryMs = Infinity
  #waiting = 0

  constructor(
    options: FetchOptions & { readonly parquet: ParquetReaders },
    context: TaskContext,
    budget: ReadAheadBudget,
    headers: FlowLogHeaders,
    credentials: EachToldOnce,
  ) {
    this.#credentials = credentials
    this.#options = options
    this.#context = context
    this.#headers = headers
    this.#outbox = new Outbox(context, { chunkBytes: options.settings.chunkBytes, ...options.kafka }, options.atPoint)
    this.#ahead = new ReadAhead(options.stores, budget, context.signal)
    context.signal.addEventListener('abort', () => retriesWaiting.dec(this.#waiting), { once: true })
  }

  restore(record: InRecord): void {
    const { objects } = this.#context.codecs
    if (record.key !== null)
      this.#ledger.set(objects.decodeKey(record.key), record.value === null ? null : objects.decodeValue(record.value))
  }

  start(_position: Position): void {
    this.#planRetries()
  }

  async process(batch: InBatch): Promise<void> {
    const { objectArrivals } = this.#context.codecs
    const jobs = batch.records.map(({ key, value, offset, timestampMs }): Job => {
      const arrival = value === null ? null : objectArrivals.decodeValue(value)
      return {
        key: key === null ? { bucket: '', key: '' } : objectArrivals.decodeKey(key),
        arrival: key === null ? null : arrival,
        offset,
        askedMs: arrival?.source === 'retry' ? timestampMs : null,
        due: null,
      }
    })
    if (await this.#run(jobs)) this.#outbox.moveTo(batch.nextOffset)
  }

  async tick(): Promise<void> {
    await this.#runDue()
    if (this.#outbox.isDue()) await this.#outbox.flush()
  }

  async stop(): Promise<void> {
    await this.#outbox.flush()
  }

  /** Deals with jobs in order. @returns False if the process is to stop before the end. */
  async #run(jobs: readonly Job[]): Promise<boolean> {
    const { readAhead } = this.#options.settings
    let ahead = 0
    for (const [index, job] of jobs.entries()) {
      for (; ahead < Math.min(index + readAhead, jobs.length); ahead++) this.#startAhead(jobs[ahead]!)
      if (this.#context.signal.aborted) return false
      const decision = this.#decide(job)
      if (decision.do === 'read') {
        if (!(await this.#read(job, decision.from))) return false
      } else {
        objectsSkipped.inc({ reason: decision.reason })
        await this.#ahead.drop(job.key)
      }
      if (job.offset !== null) this.#outbox.moveTo(job.offset + 1)
      if (this.#outbox.isFull()) await this.#outbox.flush()
      if (job.offset !== null) await this.#runDue()
    }
    return true
  }

  #decide(job: Job): Decision {
    if (job.due !== null) return { do: 'read', from: job.due }
    return job.arrival === null ? { do: 'skip', reason: 'done' } : this.#ledger.decide(job.key, job.arrival)
  }

  #startAhead(job: Job): void {
    const decision = this.#decide(job)
    if (decision.do === 'skip') return
    const bytes = job.arrival?.size ?? decision.from?.size ?? Infinity
    // a large object is opened when its turn has come: its stream would only idle
    if (bytes <= wholeObjectBytes) this.#ahead.start(job.key, bytes, pinned(decision.from))
  }

  /**
   * Runs retries whose time has come. Their downloads run beside the arrivals; a retry is read when its download has ended, so that an
   * object which S3 lets wait holds up nothing.
   */
  async #runDue(): Promise<void> {
    const nowMs = this.#context.nowMs()
    if (!isTime(this.#nextRetryMs, nowMs)) return
    const due = [...this.#ledger.openEntries]
      .filter(({ record }) => isTime(dueMs(record), nowMs))
      .sort((a, b) => dueMs(a.record) - dueMs(b.record))
    const jobs: Job[] = []
    for (const { key, record } of due.slice(0, retriesAtOnce)) {
      const under = this.#ahead.start(key, record.size, pinned(record))
      if (under && this.#ahead.isSettled(key)) jobs.push({ key, arrival: null, offset: null, askedMs: null, due: record })
    }
    await this.#run(jobs)
    this.#planRetries()
  }

  #planRetries(): void {
    let next = Infinity
    for (const { record } of this.#ledger.openEntries) next = Math.min(next, dueMs(record))
    this.#nextRetryMs = next
    this.#countWaiting()
  }

  #countWaiting(): void {
    const waiting = this.#ledger.openSize
    retriesWaiting.inc(waiting - this.#waiting)
    this.#waiting = waiting
  }

  /** Reads one object into the outbox. @returns False if the process is to stop before the end. */
  async #read(job: Job, decided: ObjectLedger | null): Promise<boolean> {
    const { key, arrival } = job
    let from = decided
    let committed =
      from ?? this.#fresh(key, { etag: arrival?.etag ?? '', size: arrival?.size ?? 0, lastModifiedMs: arrival?.lastModifiedMs ?? null })
    try {
      const opened = await this.#open(key, from)
      if (this.#ledger.isDone(key, opened.etag)) {
        objectsSkipped.inc({ reason: 'done' })
        if (!Buffer.isBuffer(opened.body)) opened.body.destroy()
        await this.#giveUpOverwritten(key)
        return true
      }
      // an arrival of another version, maybe a late one: what is begun of the version that is there goes on
      const begun = this.#ledger.begun(key)
      if (from === null && begun?.etag === opened.etag) from = committed = begun
      if (from?.etag !== opened.etag) {
        if (from !== null && from.nextLine > 1) versionsReplaced.inc()
        committed = this.#fresh(key, opened)
      }
      if (committed.nextLine > 1) {
        objectsResumed.inc()
        this.#context.log.info({ bucket: key.bucket, key: key.key, line: committed.nextLine }, 'reading an object on from a committed line')
      }
      const readWith = async (body: Download, header: string | null): Promise<boolean> => {
        const { stores, settings, parquet } = this.#options
        const reader = new ObjectReader(this.#context, settings, this.#outbox, key, committed, sourceHeaders(settings.sources, key))
        try {
          const mayBeEmpty = this.#source(key)?.format !== undefined
          return await reader.read(
            await openSource({ stores, parquet, signal: this.#context.signal, header, mayBeEmpty }, key, body, committed),
          )
        } finally {
          committed = reader.committed
        }
      }
      await this.#options.atPoint?.('fetch-opened')
      let isWhole: boolean
      try {
        isWhole = await readWith(opened, this.#configuredHeader(key))
      } catch (error) {
        const header = await this.#describedHeader(job, error)
        isWhole = await readWith(await this.#again(key, opened), header)
      }
      if (!isWhole) return false
      this.#ledger.set(key, committed)
      return true
    } catch (error) {
      if (this.#context.signal.aborted) return false
      if (!(error instanceof FlowError) || !objectErrors.has(error.code)) throw error
      await this.#noteFailure(key, committed, error)
      return true
    }
  }

  /** What is in S3 was read before: a version that was begun since then is gone, and is not tried again. */
  async #giveUpOverwritten(key: ObjectKey): Promise<void> {
    const begun = this.#ledger.begun(key)
    if (begun === undefined || begun.state === 'failed') return
    const errorDetail = 'overwritten with a version that was read before'
    const record: ObjectLedger = { ...begun, state: 'failed', retryAtMs: null, errorCode: 'S3_CHANGED', errorDetail }
    await this.#outbox.add(key, nothingStaged(), record)
    this.#ledger.set(key, record)
    this.#countWaiting()
  }

  /** The record to begin a version with. */
  #fresh(key: ObjectKey, version: Pick<ObjectLedger, 'etag' | 'size' | 'lastModifiedMs'>): ObjectLedger {
    return this.#ledger.begin(key, freshRecord(key, version))
  }

  /** The header line that the settings say, of lines that come without one. */
  #configuredHeader(key: ObjectKey): string | null {
    const format = this.#source(key)?.format
    return format === undefined ? null : (headerOfFormat(format) ?? null)
  }

  /**
   * The header line that EC2 says, of an object that turned out to have none. The object is asked first, so that its own header decides and not
   * what was asked before.
   *
   * @throws The error where that is not its trouble, or the source is not so set.
   */
  async #describedHeader({ key, askedMs }: Job, error: unknown): Promise<string> {
    const source = this.#source(key)
    const before = namesBeforeDescribed(source?.format)
    const isHeaderless = error instanceof FlowError && error.code === 'OBJECT_NO_HEADER' && !isParquetKey(key.key)
    if (!isHeaderless || source === undefined || before === undefined) throw error
    const flowLog = flowLogOf(this.#options.settings, source, key)
    const header = this.#headers.headerOf(flowLog, this.#context.nowMs(), askedMs ?? undefined)
    return `${before}${await orAborted(header, this.#context.signal)}`
  }

  #source({ bucket, key }: ObjectKey): S3Source | undefined {
    const source = sourceOf(this.#options.settings.sources, bucket, key)
    return source !== undefined && key.startsWith(folderOf(source)) ? source : undefined
  }

  /** The same version from its beginning. */
  async #again(key: ObjectKey, opened: Download): Promise<Download> {
    if (Buffer.isBuffer(opened.body)) return opened
    return download(this.#options.stores, key, { ifMatch: opened.etag, signal: this.#context.signal })
  }

  /** Opens the version that was begun; where it is gone, the current one. */
  async #open(key: ObjectKey, from: ObjectLedger | null): Promise<Download> {
    try {
      return await this.#ahead.take(key, pinned(from))
    } catch (error) {
      if (!(error instanceof FlowError) || error.code !== 'S3_CHANGED') throw error
      return download(this.#options.stores, key, { signal: this.#context.signal })
    }
  }

  /** Notes a failed attempt. Where S3 or EC2 itself does not answer, the object is not to blame: it is tried again for ever. */
  async #noteFailure(key: ObjectKey, committed: ObjectLedger, error: FlowError): Promise<void> {
    const { maxAttempts, retryBaseMs } = this.#options.settings
    // an archived object was not tried: it is read when it is restored
    const attempts = committed.attempts + (error.code === 'OBJECT_ARCHIVED' ? 0 : 1)
    const final = !error.retriable || (attempts >= maxAttempts && !outages.has(error.code))
    const retryAtMs = final ? null : this.#context.nowMs() + Math.min(retryBaseMs * 2 ** (attempts - 1), longestRetryMs)
    const detail = typeof error.details['detail'] === 'string' ? error.details['detail'] : error.message
    const record: ObjectLedger = {
      ...committed,
      state: final ? 'failed' : 'retrying',
      attempts,
      retryAtMs,
      errorCode: error.code,
      errorDetail: detail.slice(0, longestDetail),
    }
    await this.#outbox.add(key, nothingStaged(), record)
    this.#ledger.set(key, record)
    this.#nextRetryMs = Math.min(this.#nextRetryMs, retryAtMs ?? Infinity)
    this.#countWaiting()
    attemptsFailed.inc({ code: error.code })
    const fields = { ...key, code: error.code, attempts, lines: record.lines, error: error.message }
    if (isCausedByCredentials(error) || error.code === 'S3_CREDENTIALS') {
      const isNews = this.#credentials.isNews(detail, this.#context.nowMs())
      const text = 'there are no credentials that AWS takes; the objects wait and are tried again, less often each time'
      this.#context.log[isNews ? 'warn' : 'debug']({ ...fields, retryAtMs }, text)
    } else if (final) this.#context.log.error(fields, 'an object could not be read; its ledger record says why')
    else if (attempts === 1) this.#context.log.warn({ ...fields, retryAtMs }, 'an object could not be read; trying again later')
    else this.#context.log.debug({ ...fields, retryAtMs }, 'an object could still not be read')
  }
}

const dueMs = (record: ObjectLedger): number => (record.state === 'reading' ? 0 : (record.retryAtMs ?? 0))

/** True if a retry is due. One that is further away than the longest wait was planned before the clock was set back. */
const isTime = (dueMs: number, nowMs: number): boolean => dueMs <= nowMs || (dueMs < Infinity && dueMs > nowMs + longestRetryMs)

/** The ETag that must still be current: lines of this version were published. */
const pinned = (from: ObjectLedger | null): string | undefined => (from !== null && from.nextLine > 1 ? from.etag : undefined)
