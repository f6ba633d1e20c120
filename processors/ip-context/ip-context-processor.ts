/** The role that keeps the cloud map: sightings in; entries, days, runs and announced changes out, all in one transaction. */
import { CommitPace } from '../../runtime/commit-pace.ts'
import type { InBatch, InRecord, OutRecord } from '../../runtime/records.ts'
import type { Position, Role, RoleShape, Task, TaskContext } from '../../runtime/task.ts'
import { topics, type Topic } from '../../schemas/topics.ts'
import type { MapSettings } from './address.ts'
import { CloudMapState } from './cloud-map-state.ts'
import { countTransaction, noCounts, showState } from './ip-context-metrics.ts'
import { Overlay } from './overlay.ts'
import { Pace } from './pace.ts'
import { anyDay, collect } from './transaction.ts'

/** Points between two steps of a transaction, for tests that kill the process there. */
export type IpContextPoint = 'ip-context-changes-sent' | 'ip-context-map-sent' | 'ip-context-committed'

/** Settings of the role: sections `ipContext` and `kafka` of the configuration. */
export interface IpContextOptions extends MapSettings {
  historyDays: number
  maxStateBytes: number
  commitRows: number
  commitIntervalMs: number
  /** Called at each point; waits for its promise. */
  atPoint?: (point: IpContextPoint) => Promise<void> | void
}

/** The role: sightings in, the cloud map out, which is also its state. */
export const ipContextRole = {
  name: 'ip-context',
  from: 'ipSightings',
  state: 'cloudMap',
  to: ['cloudMap', 'cloudMapDays', 'cloudMapRuns', 'cloudMapChanges'],
  reads: ['cloudMapDays'],
} as const satisfies RoleShape

/** Makes the ip-context role. */
export function createIpContextRole(options: IpContextOptions): Role {
  return {
    ...ipContextRole,
    createTask: context => new IpContextTask(context, options),
  }
}

/** Gathers the sightings of one partition in an overlay and joins it with the map when the transaction is committed. */
class IpContextTask implements Task {
  readonly #context: TaskContext
  readonly #options: IpContextOptions
  readonly #state: CloudMapState
  readonly #pace = new Pace()
  readonly #commits: CommitPace
  #overlay: Overlay
  #counts = noCounts()
  #rows = 0
  #committed = 0
  #next = 0
  /** No later day of any address is in `cloud-map-days`; -1: none is. */
  #storedDay = anyDay

  constructor(context: TaskContext, options: IpContextOptions) {
    this.#context = context
    this.#options = options
    this.#state = new CloudMapState(context.codecs)
    this.#overlay = new Overlay(context.codecs, options.historyDays)
    this.#commits = new CommitPace(options.commitIntervalMs, () => context.nowMs())
  }

  restore(record: InRecord): void {
    this.#state.restore(record)
  }

  start({ offset, metadata }: Position): void {
    this.#committed = this.#next = offset
    const stored = /^cold=(-?\d+)$/.exec(metadata)?.[1]
    // a position that was lost leaves a state behind, and then any day may be stored
    if (stored !== undefined) this.#storedDay = Number(stored)
    else this.#storedDay = offset === 0 && this.#state.size.entries === 0 ? -1 : anyDay
    const { partition, signal } = this.#context
    if (signal.aborted) return
    showState(partition, this.#state.size)
    // the partition moved, or the task failed: nobody calls stop then
    signal.addEventListener('abort', () => showState(partition, undefined), { once: true })
  }

  async process(batch: InBatch): Promise<void> {
    for (const record of batch.records) {
      this.#commits.take(1)
      const ranges = this.#overlay.add(record, this.#state.streamTime, this.#counts)
      this.#rows++
      this.#next = record.offset + 1
      if (this.#overlay.isFull) await this.#commit()
      else if (this.#pace.isDue(5 + ranges)) await this.#pace.rest()
    }
    this.#commits.take(0)
    this.#commits.waiting(batch.lag)
    this.#next = batch.nextOffset
    if (this.#rows >= this.#options.commitRows) await this.#commit()
  }

  async tick(): Promise<void> {
    if (this.#commits.isDue) await this.#commit()
  }

  async stop(): Promise<void> {
    await this.#commit()
  }

  async #commit(): Promise<void> {
    this.#commits.end()
    if (this.#next === this.#committed) return
    const context = this.#context
    const out = await collect({
      context,
      settings: this.#options,
      state: this.#state,
      touched: this.#overlay.touched,
      storedDay: this.#storedDay,
      counts: this.#counts,
      pace: this.#pace,
    })
    await this.#send([[topics.cloudMapChanges, out.changes]])
    await this.#options.atPoint?.('ip-context-changes-sent')
    await this.#send([
      [topics.cloudMapRuns, out.runs],
      [topics.cloudMapDays, out.days],
      [topics.cloudMap, [...out.entries.values()]],
    ])
    await this.#options.atPoint?.('ip-context-map-sent')
    await context.commit({ offset: this.#next, metadata: `cold=${out.storedDay}` })
    await this.#options.atPoint?.('ip-context-committed')
    for (const [text, { value, newest }] of out.entries) {
      if (value === null) this.#state.forget(text)
      else this.#state.set(text, value, newest)
    }
    this.#storedDay = out.storedDay
    countTransaction(this.#counts)
    if (!context.signal.aborted) showState(context.partition, this.#state.size)
    this.#overlay = new Overlay(context.codecs, this.#options.historyDays)
    this.#counts = noCounts()
    this.#rows = 0
    this.#committed = this.#next
  }

  async #send(all: readonly (readonly [Topic, readonly OutRecord[]])[]): Promise<void> {
    const { partition } = this.#context
    const parts = all.flatMap(([topic, records]) => (records.length === 0 ? [] : [{ topic, partition, records }]))
    if (parts.length > 0) await this.#context.sendAll(parts)
  }
}
