/** The role that keeps the cloud map: sightings in; entries, runs and announced changes out, all in one transaction. */
import type { AddressKey, CloudMapEntry, OwnershipRun } from '../../schemas/records.ts'
import { topics, type Topic } from '../../schemas/topics.ts'
import { isOver } from '../../runtime/interval.ts'
import type { InBatch, InRecord, OutRecord } from '../../runtime/records.ts'
import type { Position, Role, Task, TaskContext } from '../../runtime/task.ts'
import { differences } from './changes.ts'
import { CloudMapState, textOf, type MapEntry } from './cloud-map-state.ts'
import { countTransaction, noCounts, showState, type TransactionCounts } from './ip-context-metrics.ts'
import { foldSighting, neverSeen, newestSecond, type Ownership } from './ownership.ts'
import { deriveRuns } from './ownership-runs.ts'
import { lateRuns, sealBefore, sealEarly } from './ownership-seal.ts'

/** Points between two steps of a transaction, for tests that kill the process there. */
export type IpContextPoint = 'ip-context-changes-sent' | 'ip-context-map-sent' | 'ip-context-committed'

/** Settings of the role: sections `ipContext` and `kafka` of the configuration. */
export interface IpContextOptions {
  horizonS: number
  overlapS: number
  maxStateBytes: number
  commitRows: number
  commitIntervalMs: number
  /** Called at each point; waits for its promise. */
  probe?: (point: IpContextPoint) => Promise<void> | void
}

/** Addresses in one transaction, at most (and one batch): bounds the memory of the overlay. */
const overlayKeys = 20_000
/** Idle entries that are looked at in a transaction, and how long nobody must have touched them. */
const sweepEntries = 50
const idleMs = 3_600_000
interface Touched {
  readonly key: AddressKey
  readonly keyBytes: Buffer
  readonly before: CloudMapEntry | undefined
  state: Ownership
  late: OwnershipRun[]
}

interface EntryRecord extends OutRecord {
  readonly value: Buffer
  readonly entry: CloudMapEntry
}

/** Makes the ip-context role: from `ip-sightings`, with its state in `cloud-map`. */
export function createIpContextRole(options: IpContextOptions): Role {
  return {
    name: 'ip-context',
    from: 'ipSightings',
    state: 'cloudMap',
    to: ['cloudMap', 'cloudMapRuns', 'cloudMapChanges'],
    createTask: context => new IpContextTask(context, options),
  }
}

/** Folds the sightings of one partition into an overlay and moves it into the map once its transaction is committed. */
class IpContextTask implements Task {
  readonly #context: TaskContext
  readonly #options: IpContextOptions
  readonly #state: CloudMapState
  #overlay = new Map<string, Touched>()
  #counts = noCounts()
  #rows = 0
  #committed = 0
  #next = 0
  #sinceMs: number | undefined

  constructor(context: TaskContext, options: IpContextOptions) {
    this.#context = context
    this.#options = options
    this.#state = new CloudMapState(context.codecs)
  }

  restore(record: InRecord): void {
    this.#state.restore(record, this.#context.nowMs())
  }

  start(position: Position): void {
    this.#committed = this.#next = position.offset
    showState(this.#context.partition, this.#state.size)
  }

  async process(batch: InBatch): Promise<void> {
    this.#sinceMs ??= this.#context.nowMs()
    for (const record of batch.records) this.#fold(record)
    this.#next = batch.nextOffset
    if (this.#rows >= this.#options.commitRows || this.#overlay.size >= overlayKeys) await this.#commit()
  }

  async tick(): Promise<void> {
    const { commitIntervalMs } = this.#options
    if (this.#sinceMs !== undefined && isOver(this.#sinceMs, this.#context.nowMs(), commitIntervalMs)) await this.#commit()
  }

  async stop(): Promise<void> {
    await this.#commit()
    showState(this.#context.partition, undefined)
  }

  #fold(record: InRecord): void {
    if (record.key === null || record.value === null) return
    const { codecs } = this.#context
    const sighting = codecs.ipSightings.decodeValue(record.value)
    const text = textOf(record.key)
    let touched = this.#overlay.get(text)
    if (touched === undefined) {
      const key = codecs.ipSightings.decodeKey(record.key)
      const keyBytes = codecs.cloudMap.encodeKey(key)
      const before = this.#state.entry(textOf(keyBytes))
      touched = { key, keyBytes, before, state: before ?? neverSeen, late: [] }
      this.#overlay.set(text, touched)
    }
    const { state, late } = foldSighting(touched.state, sighting)
    touched.state = state
    if (late.length > 0) {
      touched.late.push(...lateRuns(state.sealed, sighting.owner, late))
      this.#counts.late++
    }
    this.#rows++
    this.#counts.sightings++
  }

  async #commit(): Promise<void> {
    this.#sinceMs = undefined
    if (this.#next === this.#committed) return
    const { partition } = this.#context
    const out = this.#collect()
    await this.#send(topics.cloudMapChanges, out.changes)
    await this.#options.probe?.('ip-context-changes-sent')
    await this.#send(topics.cloudMapRuns, out.runs)
    await this.#send(topics.cloudMap, [...out.entries.values()])
    await this.#options.probe?.('ip-context-map-sent')
    await this.#context.commit({ offset: this.#next, metadata: '' })
    await this.#options.probe?.('ip-context-committed')
    for (const [text, { value, entry }] of out.entries) this.#state.set(text, value, entry, this.#context.nowMs())
    countTransaction(this.#counts)
    showState(partition, this.#state.size)
    this.#overlay = new Map()
    this.#counts = noCounts()
    this.#rows = 0
    this.#committed = this.#next
  }

  /** Compares every touched address before and after, and seals some idle ones. */
  #collect(): { changes: OutRecord[]; runs: OutRecord[]; entries: Map<string, EntryRecord> } {
    const { codecs } = this.#context
    const { overlapS } = this.#options
    const counts = this.#counts
    const changes: OutRecord[] = []
    const runs: OutRecord[] = []
    const entries = new Map<string, EntryRecord>()
    const seen = new Set<string>()
    const keep = (key: Buffer, text: string, entry: CloudMapEntry, value: Buffer): void => {
      if (this.#state.encoded(text)?.equals(value) !== true) entries.set(text, { key, value, entry })
    }
    for (const { key, keyBytes, before, state, late } of this.#overlay.values()) {
      const after = this.#settle(state, counts)
      const { upserts, tombstones, announced } = differences(before === undefined ? [] : deriveRuns(before, overlapS).runs, after.runs)
      const runKey = (first: number): Buffer => codecs.cloudMapRuns.encodeKey({ ...key, first })
      for (const run of [...late, ...upserts]) runs.push({ key: runKey(run.validFrom), value: codecs.cloudMapRuns.encodeValue(run) })
      for (const first of tombstones) runs.push({ key: runKey(first), value: null })
      for (const change of announced)
        changes.push({ key: codecs.cloudMapChanges.encodeKey(key), value: codecs.cloudMapChanges.encodeValue(change) })
      counts.upserts += late.length + upserts.length
      counts.tombstones += tombstones.length
      counts.announced.push(...announced)
      const text = textOf(keyBytes)
      seen.add(text)
      keep(keyBytes, text, after.entry, after.value)
    }
    for (const { key, text, entry } of this.#sealIdle()) if (!seen.has(text)) keep(key, text, entry, codecs.cloudMap.encodeValue(entry))
    counts.keys += entries.size
    return { changes, runs, entries }
  }

  /** Derives runs and seals what is older than the horizon of the address itself: that changes no run. */
  #settle(state: Ownership, counts: TransactionCounts): { runs: OwnershipRun[]; entry: CloudMapEntry; value: Buffer } {
    const { overlapS, horizonS, maxStateBytes } = this.#options
    const derived = deriveRuns(state, overlapS, (newestSecond(state) ?? 0) - horizonS - 1)
    let sealed = derived.cleanCut === null ? state : sealBefore(state, derived.cleanCut, overlapS)
    let { runs } = derived
    for (;;) {
      const entry = entryOf(sealed, runs)
      const value = this.#context.codecs.cloudMap.encodeValue(entry)
      if (value.length <= maxStateBytes || sealed.owners.length === 0) return { runs, entry, value }
      counts.early++
      const smaller = sealEarly(sealed, overlapS)
      const from = smaller.state.sealed?.validFrom ?? -Infinity
      runs = [...runs.filter(run => run.validFrom < from), ...smaller.runs]
      sealed = smaller.state
    }
  }

  /** Entries that nobody touches any more keep only their newest run. */
  #sealIdle(): MapEntry[] {
    const { overlapS, horizonS } = this.#options
    return this.#state.idle(sweepEntries, this.#context.nowMs() - idleMs).map(idle => {
      const limit = Math.min(this.#state.streamTime - horizonS - 1, (newestSecond(idle.entry) ?? 0) + 1)
      const { runs, cleanCut } = deriveRuns(idle.entry, overlapS, limit)
      return cleanCut === null ? idle : { ...idle, entry: entryOf(sealBefore(idle.entry, cleanCut, overlapS), runs) }
    })
  }

  async #send(topic: Topic, records: readonly OutRecord[]): Promise<void> {
    if (records.length > 0) await this.#context.send(topic, this.#context.partition, records)
  }
}

function entryOf(state: Ownership, runs: readonly OwnershipRun[]): CloudMapEntry {
  const newest = runs.at(-1)
  const { owners, sealedBefore, sealed, lateRuns: late } = state
  return {
    current: newest?.owner ?? null,
    currentSince: newest?.validFrom ?? null,
    lastSeen: newest?.lastSeen ?? null,
    owners,
    sealedBefore,
    sealed,
    lateRuns: late,
  }
}
