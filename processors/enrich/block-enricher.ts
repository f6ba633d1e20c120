/**
 * One block from lines to records: parse, times, directions, annotations, encoding, sightings. Synchronous, so that the tasks of a process can
 * share dictionaries, tables and the batch: nothing of a block is used after its call but bytes and texts.
 */
import { createHash } from 'node:crypto'
import type { TopicSchemaIds } from '../../runtime/avro.ts'
import { beginsWithMark, markLength } from '../../schemas/byte-order-mark.ts'
import type { DeadLetter, FlowGap } from '../../schemas/records.ts'
import { annotateAddresses, annotateServices } from './annotate.ts'
import { resolveDirections } from './direction.ts'
import { FlowEncoder } from './encode/flow-encoder.ts'
import type { Slabs } from './encode/slabs.ts'
import type { LookupSet } from './lookups/lookup-set.ts'
import { OwnNetworks, type OwnNetwork } from './own-networks.ts'
import { observerOf } from '../../flow/observers.ts'
import { FlowBatch, type BatchFault } from '../../flow/flow-batch.ts'
import { Parsers } from './parsers.ts'
import type { RawBlock } from './raw-block.ts'
import type { SightingCollector } from './sightings.ts'
import { resolveTimes, timeKeptOf, timeSourceOf } from './times.ts'

/** Bytes of a bad line that its dead letter keeps. */
const maxDeadBytes = 4096

/** What became of a block; its flows are in the slabs, its sightings in the collector. */
export interface BlockResult {
  readonly lines: number
  readonly blankLines: number
  readonly flows: number
  /** Flows among them that teach nothing, because their times cannot be. */
  readonly implausible: number
  readonly gaps: FlowGap[]
  readonly deadLetters: DeadLetter[]
  /** Columns that are not documented. */
  readonly unknownColumns: readonly string[]
}

/** A record that ends longer after its object was stored has a wrong time. */
const clockToleranceS = 3600
/** A header line above this is none: its names can stand in the `extra` of each record, and a record must fit in a batch. */
export const maxHeaderBytes = 131_072

/** The shared work of the tasks of a process. */
export class BlockEnricher {
  readonly parsers: Parsers
  readonly batch = new FlowBatch()
  readonly #encoder: FlowEncoder
  readonly #networks: OwnNetworks | undefined

  /**
   * @param ids Schema ids of the `flows` topic.
   * @param own The setting `networks.own`.
   */
  constructor(dictionaryEntries: number, ids: TopicSchemaIds, own: readonly OwnNetwork[] = []) {
    this.parsers = new Parsers(dictionaryEntries)
    this.#encoder = new FlowEncoder(ids)
    this.#networks = OwnNetworks.from(own)
  }

  /**
   * Enriches a block.
   *
   * @param slabs Receives the flows.
   * @param sightings Receives who was seen.
   */
  enrich(block: RawBlock, tables: LookupSet, slabs: Slabs, sightings: SightingCollector): BlockResult {
    const { accountId, region, slotStart } = block.objectName
    const { source } = block
    if (block.header === null || block.header.length > maxHeaderBytes) return withoutColumns(block)
    const parser = this.parsers.parserOf(block.header, {
      accountId: accountId ?? source?.accountId ?? null,
      region: region ?? source?.region ?? null,
      scope: source?.scope ?? null,
    })
    if (parser === undefined) return withoutColumns(block)
    const { batch } = this
    parser.parse(block.bytes, block.firstLine, batch)
    resolveTimes(batch, slotStart)
    resolveDirections(batch, this.#networks)
    annotateAddresses(parser.addresses.current, tables)
    annotateServices(batch)
    this.#encoder.encode(batch, tables, block.objectId, slabs)
    const latestS = block.lastModifiedS === undefined ? Infinity : block.lastModifiedS + clockToleranceS
    const implausible = sightings.collect(batch, latestS, this.#networks)
    return {
      lines: batch.lines,
      blankLines: batch.blankLines,
      flows: batch.rows,
      implausible,
      gaps: gapsOf(batch, block),
      deadLetters: batch.faults.map(fault => deadLetterOf(fault, block)),
      unknownColumns: parser.plan.extraNames,
    }
  }
}

function gapsOf(batch: FlowBatch, block: RawBlock): FlowGap[] {
  const { gaps, dictionaries } = batch
  return Array.from({ length: gaps.rows }, (_, i) => {
    const context = dictionaries.observers.values[gaps.observerId[i]!]!
    const { accountId, region, vpcId, subnetId, instanceId, azId } = context
    return {
      kind: gaps.kind[i] === 1 ? 'NODATA' : 'SKIPDATA',
      ...{ accountId, region, interfaceId: observerOf(context), vpcId, subnetId, instanceId, azId },
      start: gaps.start[i]!,
      end: gaps.end[i]!,
      timeSource: timeSourceOf(gaps.timeSource[i]!),
      timeKept: timeKeptOf(gaps.timeSource[i]!),
      objectId: block.objectId,
      line: gaps.line[i]!,
      extra: gaps.extra[i] ?? null,
    }
  })
}

function deadLetterOf(fault: BatchFault, block: RawBlock): DeadLetter {
  const line = Buffer.from(block.bytes.subarray(fault.start, fault.end))
  const whole = line.length <= maxDeadBytes
  return {
    etag: block.etag,
    objectId: block.objectId,
    line: fault.line,
    stage: 'enrich',
    reason: fault.reason,
    detail: fault.detail,
    header: block.header !== null && block.header.length > maxHeaderBytes ? null : block.header,
    bytes: whole ? line : line.subarray(0, maxDeadBytes),
    length: line.length,
    sha256: whole ? null : createHash('sha256').update(line).digest(),
    attempt: block.attempt ?? 0,
  }
}

/** A block that nothing says the columns of: each of its lines is a dead letter. */
function withoutColumns(block: RawBlock): BlockResult {
  const deadLetters: DeadLetter[] = []
  const { bytes } = block
  const detail =
    block.header === null
      ? 'the record has no header line'
      : block.header.length > maxHeaderBytes
        ? `the header line has ${block.header.length} characters; at most ${maxHeaderBytes} are read`
        : `no documented field in ${JSON.stringify(block.header.slice(0, 100))}`
  let lines = 0
  let blankLines = 0
  for (let start = 0; start < bytes.length; lines++) {
    const found = bytes.indexOf(10, start)
    const next = found < 0 ? bytes.length : found
    const end = next > start && bytes[next - 1] === 13 ? next - 1 : next
    const from = start === 0 && beginsWithMark(bytes, block.firstLine) ? markLength : start
    if (bytes.subarray(from, end).every(byte => byte === 32)) blankLines++
    else deadLetters.push(deadLetterOf({ line: block.firstLine + lines, reason: 'no-columns', detail, start, end }, block))
    start = next + 1
  }
  return { lines, blankLines, flows: 0, implausible: 0, gaps: [], deadLetters, unknownColumns: [] }
}
