/**
 * Keeps a compacted topic in memory: reads it from its first record to the end that it had then, and goes on from there. While the broker is
 * away, the table keeps its last state. The topic is read again from its beginning if retention has removed the next records, or if the table
 * may have missed tombstones. The old table stays in use until the new one is complete.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Topic } from '../../schemas/topics.ts'
import { orAborted } from '../abort.ts'
import { schemaIdOf } from '../avro.ts'
import { errorText, flowErrorOf, FlowError } from '../errors.ts'
import { ToldOnce } from '../told-once.ts'
import type { Log } from '../log.ts'
import type { InRecord } from '../records.ts'
import { EncodedTable, type TableBound } from '../side-table.ts'
import { sideTableReadFailures, sideTableRecords, sideTableReadings } from './metrics.ts'
import type { StablePart } from './leader-fetch.ts'
import { isBeyondEnd } from './partition-reader.ts'

/** The topic, committed records only. */
export interface TableSource {
  /** First offset of each partition, now. */
  starts(): Promise<ReadonlyMap<number, number>>
  /** Next records of every partition; waits a moment if there are none. Rejects if a leader does not answer. */
  fetch(offsets: ReadonlyMap<number, number>): Promise<ReadonlyMap<number, StablePart>>
  close(): Promise<void>
}

/** What a table is read with. */
export interface FollowerOptions {
  readonly topic: Topic
  /** Full name, for errors. */
  readonly topicName: string
  /** Schema id of the keys: a key with another one would never be found. */
  readonly keyId: number
  readonly source: TableSource
  readonly log: Log
  /** Unix milliseconds. */
  readonly nowMs: () => number
}

/** Reading a topic from its beginning. */
interface Reading {
  readonly table: EncodedTable
  readonly next: Map<number, number>
  /** Ends of the partitions when they were first fetched: the table is complete when it has come there. */
  readonly goals: Map<number, number>
  /** Unix milliseconds: all that was committed then was read. */
  knownMs: number | undefined
  /** Unix milliseconds: the last fetch that was answered. */
  answeredMs: number
}

/**
 * Tombstones stay for `delete.retention.ms` (a day by default) after compaction. A table that could not be read for half of it may have missed
 * some: it would keep keys that are gone.
 */
const rereadAfterMs = 12 * 3_600_000

/** A leader that is new may not know an offset for a moment. So many answers in a row that it is not there are believed. */
const mostBeyondEnd = 3
const firstWaitMs = 250
const longestWaitMs = 5000
/** The log warns when a table fills this share of its bound. */
const nearlyFull = 0.8

/** The table of one topic. */
export class TableFollower {
  /** The greatest bound that any user of the table states. */
  bound: TableBound
  readonly #options: FollowerOptions
  readonly #stop = new AbortController()
  readonly #log: Log
  #reading: Reading | undefined
  #current: Reading | undefined
  #error: Error | undefined
  #running: Promise<void> = Promise.resolve()
  readonly #told = new ToldOnce()
  #nearlyFull = false
  /** Resolves when the table is complete for the first time; rejects with what ended it. */
  readonly complete: Promise<void>
  #completed!: () => void
  #fail!: (error: unknown) => void

  constructor(bound: TableBound, options: FollowerOptions) {
    this.bound = bound
    this.#options = options
    this.#log = options.log.child({ table: options.topic.name })
    this.complete = new Promise<void>((resolve, reject) => {
      this.#completed = resolve
      this.#fail = reject
    })
    this.complete.catch(() => undefined)
  }

  /** Begins to read. @param failed Told of the error that a person must look at. */
  start(failed: (error: unknown) => void): void {
    this.#running = this.#follow().catch((error: unknown) => {
      this.#error = error instanceof Error ? error : new Error(String(error))
      this.#fail(error)
      failed(error)
    })
  }

  /** What is known now. @throws What ended the table; TypeError before it is complete. */
  get table(): EncodedTable {
    if (this.#error !== undefined) throw this.#error
    if (this.#current === undefined) throw new TypeError(`the side table ${this.#options.topic.name} is not complete yet`)
    return this.#current.table
  }

  /** The same, for gauges; undefined before it is complete. */
  get known(): EncodedTable | undefined {
    return this.#current?.table
  }

  /** How long ago the table last had all that was committed, in milliseconds; undefined before it is complete. */
  ageMs(nowMs: number): number | undefined {
    const knownMs = this.#current?.knownMs
    return knownMs === undefined ? undefined : Math.max(0, nowMs - knownMs)
  }

  /** Ends the reading. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#options.source.close().catch(() => undefined)
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop
    const { topic } = this.#options
    const ended = (): boolean => signal.aborted
    for (let [failures, beyondEnd] = [0, 0]; !ended();) {
      try {
        await this.#readOn()
        failures = beyondEnd = 0
      } catch (error) {
        if (ended()) return
        const ours = flowErrorOf(error)
        const isBeyond = isBeyondEnd(error) || ours?.code === 'OFFSET_OUT_OF_RANGE'
        if (ours?.retriable === false && !isBeyond) throw error
        sideTableReadFailures.inc({ table: topic.name })
        this.#tell(errorText(error))
        beyondEnd = isBeyond ? beyondEnd + 1 : 0
        if (beyondEnd >= mostBeyondEnd) this.#reading = undefined
        await sleep(Math.min(longestWaitMs, firstWaitMs * 2 ** failures++), undefined, { signal }).catch(() => undefined)
      }
    }
  }

  #tell(text: string): void {
    const isNews = this.#told.isNews(text, this.#options.nowMs())
    this.#log[isNews ? 'warn' : 'debug']({ error: text }, 'side table cannot be read on; it says what it last knew')
  }

  /** Fetches once, from the beginning if nothing is read yet. */
  async #readOn(): Promise<void> {
    const { source, nowMs } = this.#options
    const { signal } = this.#stop
    if (this.#reading !== undefined && nowMs() - this.#reading.answeredMs > rereadAfterMs) this.#reading = undefined
    const reading = (this.#reading ??= await this.#begin())
    const askedMs = nowMs()
    const parts = await orAborted(source.fetch(reading.next), signal)
    for (const [partition, part] of parts) this.#takePart(reading, partition, part)
    reading.answeredMs = askedMs
    const all = [...parts]
    if (all.every(([, { nextOffset, stableEnd }]) => nextOffset >= stableEnd)) reading.knownMs = askedMs
    if (this.#current === reading || !all.every(([partition, { nextOffset }]) => nextOffset >= reading.goals.get(partition)!)) return
    reading.knownMs ??= askedMs
    this.#current = reading
    this.#log.debug({ entries: reading.table.size, bytes: reading.table.bytes }, 'side table is complete')
    this.#completed()
  }

  async #begin(): Promise<Reading> {
    const { source, topic, nowMs } = this.#options
    const starts = await orAborted(source.starts(), this.#stop.signal)
    sideTableReadings.inc({ table: topic.name })
    return { table: new EncodedTable(), next: new Map(starts), goals: new Map(), knownMs: undefined, answeredMs: nowMs() }
  }

  #takePart({ table, next, goals }: Reading, partition: number, { records, nextOffset, end }: StablePart): void {
    if (!goals.has(partition)) goals.set(partition, end)
    for (const record of records) this.#take(table, record)
    next.set(partition, nextOffset)
    sideTableRecords.inc({ table: this.#options.topic.name }, records.length)
  }

  #take(table: EncodedTable, { key, value }: InRecord): void {
    const { topicName, keyId } = this.#options
    if (key === null) return
    const id = schemaIdOf(key)
    if (id !== undefined && id !== keyId) throw new FlowError('KEY_SCHEMA_CHANGED', { topic: topicName, actual: id })
    table.set(key, value)
    const { bound } = this
    const fill = table.fill(bound)
    if (fill > 1) {
      const { size: entries, bytes } = table
      throw new FlowError('SIDE_TABLE_FULL', {
        topic: topicName,
        ...{ entries, bytes, mostEntries: bound.entries, mostBytes: bound.bytes, setting: bound.setting },
      })
    }
    if (fill < nearlyFull || this.#nearlyFull) return
    this.#nearlyFull = true
    this.#log.warn({ entries: table.size, bytes: table.bytes, setting: bound.setting }, 'side table is nearly full')
  }
}
