/**
 * The enrich role: raw-lines to flows, flow-gaps, ip-sightings and dead-letters, one task per partition of raw-lines.
 *
 * Bounds. Process: two generations of `lookups.dictionaryEntries` addresses (about 150 bytes each with fragments), parsers of at most 32,768
 * entries and 4 MiB per dictionary (64 of them, or as many as take 512 MiB), one batch and one block buffer (about 100 bytes per possible row
 * of the largest block), the lookup tables.
 * Task: open slabs of 10 MB in all, the full slabs of one block, 10,000 gaps or 1 MiB of dead letters, and the sightings of one transaction,
 * which are a few for each interface seen and at most `kafka.commitRows` and one block.
 *
 * Records stay below the 1 MiB that a broker takes by default: a line is at most 256 KiB and a header line 128 KiB, which bounds flows, gaps and
 * dead letters; a sighting has at most 10,000 ranges.
 */
import type { LookupSettings } from './lookups/settings.ts'
import type { NetworkSettings } from './settings.ts'
import type { CommitSettings } from '../../runtime/settings.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { CommitPace } from '../../runtime/commit-pace.ts'
import type { InBatch, InRecord, OutRecord } from '../../runtime/records.ts'
import type { OutPart, Role, RoleShape, Task, TaskContext } from '../../runtime/task.ts'
import { topics, type Topic } from '../../schemas/topics.ts'
import { BlockEnricher, type BlockResult } from './block-enricher.ts'
import { Slabs, type Slab } from './encode/slabs.ts'
import * as metrics from './enrich-metrics.ts'
import { LookupTables } from './lookups/lookup-tables.ts'
import { sumsOf } from './lookups/lookup-set.ts'
import { readBlock } from './raw-block.ts'
import { SightingCollector } from './sightings.ts'

/** Points between two calls at which tests stop or kill the process. */
export type EnrichPoint = 'enrich-opened' | 'enrich-half-sent' | 'enrich-sent' | 'enrich-committed'

/** What the role is built from. */
export interface EnrichOptions {
  readonly lookups: LookupSettings
  readonly networks?: NetworkSettings
  readonly kafka: CommitSettings
  readonly atPoint?: (point: EnrichPoint) => Promise<void> | void
}

const maxPendingGaps = 10_000
const maxPendingDeadBytes = 1_048_576
const maxUnknownColumns = 1000

/** What the tasks of a process share. */
class EnrichWork {
  readonly options: EnrichOptions
  readonly enricher: BlockEnricher
  readonly tables: LookupTables
  readonly #unknown = new Set<string>()

  constructor(options: EnrichOptions, context: TaskContext) {
    this.options = options
    this.enricher = new BlockEnricher(options.lookups.dictionaryEntries, context.codecs.flows.ids, options.networks?.own)
    this.tables = new LookupTables(options.lookups, context.log, {
      onChange: ({ info }, loaded) => {
        this.enricher.parsers.addresses.clear()
        for (const { table, dataDate, ranges, unreadableLines } of sumsOf(info)) {
          metrics.tableDate.set({ table }, Date.parse(dataDate) / 1000)
          metrics.tableRanges.set({ table }, ranges)
          metrics.tableUnreadable.set({ table }, unreadableLines)
        }
        for (const table of loaded) metrics.tableRefused.set({ table }, 0)
      },
      onRefused: table => metrics.tableRefused.set({ table }, 1),
    })
  }

  noteUnknown(names: readonly string[], header: string | null, context: TaskContext): void {
    for (const name of names) {
      const column = `${name}\n${header ?? ''}`
      if (this.#unknown.has(column) || this.#unknown.size >= maxUnknownColumns) continue
      this.#unknown.add(column)
      metrics.unknownColumns.set(this.#unknown.size)
      context.log.warn({ column: name, header }, 'column is not documented; its values are kept in extra')
    }
  }
}

/** The role: blocks of lines in, flows and what else lines say out. */
export const enrichRole = {
  name: 'enrich',
  from: 'rawLines',
  to: ['flows', 'flowGaps', 'ipSightings', 'deadLetters'],
  copies: true,
} as const satisfies RoleShape

/** Makes the enrich role; opens nothing. The lookup tables are loaded when the first task starts. */
export function createEnrichRole(options: EnrichOptions): Role {
  let work: EnrichWork | undefined
  return {
    ...enrichRole,
    createTask: context => new EnrichTask(context, (work ??= new EnrichWork(options, context))),
  }
}

/** Takes what is pending of a topic. */
function partsOf(topic: Topic, pending: Map<number, OutRecord[]>): OutPart[] {
  const parts = [...pending].map(([partition, records]) => ({ topic, partition, records })).sort((a, b) => a.partition - b.partition)
  pending.clear()
  return parts
}

/** Counts of the open transaction. */
const noCounts = () => ({
  blocks: 0,
  flow: 0,
  gap: 0,
  blank: 0,
  dead: 0,
  slabs: 0,
  bytes: 0,
  sightings: 0,
  implausible: 0,
  reasons: new Map<string, number>(),
  replayed: new Map<string, number>(),
})

class EnrichTask implements Task {
  readonly #context: TaskContext
  readonly #work: EnrichWork
  readonly #slabs: Slabs
  readonly #pace: CommitPace
  readonly #sightings = new SightingCollector()
  readonly #gaps = new Map<number, OutRecord[]>()
  readonly #deadLetters = new Map<number, OutRecord[]>()
  #pendingGaps = 0
  #pendingDeadBytes = 0
  #lines = 0
  #offset: number | null = null
  #sent = false
  #counts = noCounts()

  constructor(context: TaskContext, work: EnrichWork) {
    this.#context = context
    this.#work = work
    this.#slabs = new Slabs(context.partitionsOf(topics.flows))
    this.#pace = new CommitPace(work.options.kafka.commitIntervalMs, () => context.nowMs())
  }

  async start(): Promise<void> {
    await this.#work.tables.refresh(this.#context.nowMs(), this.#context.signal)
  }

  async process(batch: InBatch): Promise<void> {
    for (const [i, record] of batch.records.entries()) {
      this.#take(record)
      this.#moveTo(record.offset + 1)
      this.#pace.waiting(batch.lag + batch.records.length - i - 1)
      await this.#sendSlabs(this.#slabs.takeFull())
      if (this.#pendingGaps >= maxPendingGaps) await this.#send(this.#takeGaps())
      if (this.#pendingDeadBytes >= maxPendingDeadBytes) await this.#send(this.#takeDeadLetters())
      if (this.#isDue()) await this.#commit()
    }
    this.#moveTo(batch.nextOffset)
    if (this.#isDue()) await this.#commit()
  }

  async tick(): Promise<void> {
    if (this.#isDue()) await this.#commit()
    await this.#work.tables.refresh(this.#context.nowMs())
  }

  async stop(): Promise<void> {
    await this.#commit()
  }

  /** Everything that is done with the bytes of a record, in one go. */
  #take(record: InRecord): void {
    if (record.value === null) return
    const { enricher, tables } = this.#work
    const block = readBlock(record, this.#context.codecs)
    const result = enricher.enrich(block, tables.current, this.#slabs, this.#sightings)
    this.#lines += result.lines
    this.#work.noteUnknown(result.unknownColumns, block.header, this.#context)
    this.#count(result, block.attempt ?? 0)
    const { flowGaps, deadLetters } = this.#context.codecs
    for (const gap of result.gaps) {
      const { accountId, region, interfaceId } = gap
      this.#add(topics.flowGaps, this.#gaps, {
        key: flowGaps.encodeKey({ accountId, region, interfaceId }),
        value: flowGaps.encodeValue(gap),
      })
    }
    this.#pendingGaps += result.gaps.length
    if (result.deadLetters.length === 0) return
    const key = deadLetters.encodeKey(block.object)
    for (const letter of result.deadLetters) {
      const value = deadLetters.encodeValue(letter)
      this.#pendingDeadBytes += value.length + key.length
      this.#add(topics.deadLetters, this.#deadLetters, { key, value })
    }
  }

  /** A line that was sent back was counted when it was first refused: it has a counter of its own. */
  #count(result: BlockResult, attempt: number): void {
    const counts = this.#counts
    counts.blocks++
    if (attempt > 0) {
      const kinds = { flow: result.flows, gap: result.gaps.length, blank: result.blankLines, dead: result.deadLetters.length }
      for (const [kind, count] of Object.entries(kinds)) counts.replayed.set(kind, (counts.replayed.get(kind) ?? 0) + count)
      return
    }
    counts.flow += result.flows
    counts.implausible += result.implausible
    counts.gap += result.gaps.length
    counts.blank += result.blankLines
    counts.dead += result.deadLetters.length
    for (const { reason } of result.deadLetters) counts.reasons.set(reason, (counts.reasons.get(reason) ?? 0) + 1)
  }

  #add(topic: Topic, pending: Map<number, OutRecord[]>, record: OutRecord): void {
    const partition = partitionOf(record.key!, this.#context.partitionsOf(topic))
    const records = pending.get(partition)
    if (records === undefined) pending.set(partition, [record])
    else records.push(record)
  }

  #moveTo(offset: number): void {
    if (this.#offset === offset) return
    this.#pace.take(offset - (this.#offset ?? offset - 1))
    this.#offset = offset
  }

  #isDue(): boolean {
    return this.#pace.isOpen && (this.#lines >= this.#work.options.kafka.commitRows || this.#pace.isDue)
  }

  async #sendSlabs(slabs: readonly Slab[]): Promise<void> {
    await this.#send(slabs.map(slab => ({ topic: topics.flows, partition: slab.partition, records: slab.out })))
    for (const slab of slabs) {
      this.#counts.slabs++
      this.#counts.bytes += slab.length
      this.#slabs.release(slab)
    }
  }

  async #send(parts: readonly OutPart[]): Promise<void> {
    if (parts.length === 0) return
    await this.#context.sendAll(parts)
    await this.#opened()
  }

  async #opened(): Promise<void> {
    if (this.#sent) return
    this.#sent = true
    await this.#work.options.atPoint?.('enrich-opened')
  }

  #takeGaps(): OutPart[] {
    this.#pendingGaps = 0
    return partsOf(topics.flowGaps, this.#gaps)
  }

  #takeDeadLetters(): OutPart[] {
    this.#pendingDeadBytes = 0
    return partsOf(topics.deadLetters, this.#deadLetters)
  }

  #takeSightings(): OutPart[] {
    const { ipSightings } = this.#context.codecs
    const pending = new Map<number, OutRecord[]>()
    for (const { key, value } of this.#sightings.take()) {
      this.#counts.sightings++
      this.#add(topics.ipSightings, pending, { key: ipSightings.encodeKey(key), value: ipSightings.encodeValue(value) })
    }
    return partsOf(topics.ipSightings, pending)
  }

  async #commit(): Promise<void> {
    if (this.#offset === null || !this.#pace.isOpen) return
    const { atPoint } = this.#work.options
    await this.#sendSlabs(this.#slabs.takeAll())
    await atPoint?.('enrich-half-sent')
    await this.#send([...this.#takeGaps(), ...this.#takeDeadLetters(), ...this.#takeSightings()])
    await atPoint?.('enrich-sent')
    await this.#context.commit({ offset: this.#offset, metadata: '' })
    this.#pace.end()
    this.#lines = 0
    this.#sent = false
    this.#report()
    await atPoint?.('enrich-committed')
  }

  #report(): void {
    const { blocks, slabs, bytes, sightings, implausible, reasons, replayed, ...kinds } = this.#counts
    this.#counts = noCounts()
    metrics.blocksRead.inc(blocks)
    metrics.slabsSent.inc(slabs)
    metrics.bytesSent.inc(bytes)
    metrics.sightingsSent.inc(sightings)
    metrics.implausibleFlows.inc(implausible)
    for (const [kind, count] of Object.entries(kinds)) metrics.linesRead.inc({ kind }, count)
    for (const [kind, count] of replayed) if (count > 0) metrics.linesReplayed.inc({ kind }, count)
    for (const [reason, count] of reasons) metrics.linesDead.inc({ reason }, count)
    metrics.dictionaryEntries.set({ dictionary: 'addresses' }, this.#work.enricher.parsers.addresses.size)
    metrics.dictionaryEntries.set({ dictionary: 'contexts' }, this.#work.enricher.parsers.contexts)
  }
}
