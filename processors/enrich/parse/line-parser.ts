/**
 * The parser: a block of flow log lines becomes a flow batch.
 *
 * The lines are found first, then each column of the plan is read for some hundred lines in one loop (read-*.ts, *-finder.ts). Lines depend on
 * nothing but themselves, so the processor works on several at once; a loop over the columns of one line would wait for each. No object, string
 * or exception per row: values go straight into typed arrays, text is found in dictionaries by its bytes. Speed: bench/parse.ts.
 */
import { beginsWithMark, markLength } from '../../../schemas/byte-order-mark.ts'
import type { AddressDictionary } from '../../../flow/address-dictionary.ts'
import { TraitsFinder } from './traits-finder.ts'
import { TraitsTexts } from './traits-texts.ts'
import { opKind, opStride, type ColumnPlan } from './column-plan.ts'
import { ObserverFinder } from './observer-finder.ts'
import { ObserverTexts, type ObjectDefaults } from './observer-texts.ts'
import { describeFault } from './describe-fault.ts'
import type { BatchDictionaries, FlowBatch, NextHopValues } from '../../../flow/flow-batch.ts'
import { numberPlace } from '../../../flow/numbers.ts'
import type { ObserverDictionary } from '../../../flow/observer-dictionary.ts'
import { observerOf } from '../../../flow/observers.ts'
import { rowKind, type TraitsDictionary } from '../../../flow/traits-dictionary.ts'
import type { ValueDictionary } from '../../../flow/value-dictionary.ts'
import { faultNumber, type LineFault } from './line-faults.ts'
import { readAddresses } from './read-addresses.ts'
import { readNumbers, readPorts } from './read-numbers.ts'
import { isLineEnd, scanTokens, skipSpaces } from './read-tokens.ts'
import { createExtras, createNextHops, type TextDictionary } from './text-dictionaries.ts'
import { tokensOf } from './tokens.ts'
import * as memory from './parse-buffers.ts'

// constants of this module, see parse-buffers.ts
const bytes = memory.blockBytes
const view = memory.blockView
const { positions, lineStarts, lineEnds, rowFaults, rowFaultColumns, rowGuesses, integers, doubles, rowCapacity } = memory
const lineAt = memory.integerColumn.line * rowCapacity
const observerAt = memory.integerColumn.observer * rowCapacity
const traitsAt = memory.integerColumn.traits * rowCapacity
const nextHopAt = memory.integerColumn.nextHop * rowCapacity
const extraAt = memory.integerColumn.extra * rowCapacity
const startAt = numberPlace.start * rowCapacity
const endAt = numberPlace.end * rowCapacity

const tooMany = faultNumber('too-many-fields')
const badTime = faultNumber('bad-time')

/** Bounds of the dictionaries of one parser; a fuller one is replaced between blocks. */
const maxEntries = 32_768
const maxArenaBytes = 4_194_304
/** Measured: an empty parser, and an entry with its values beside its bytes. */
const bytesOfParser = 250_000
const bytesOfEntry = 1000

/** The end of the lines from `start` on that are parsed together; where the first of them is too long for that, its own end. */
function partEnd(block: Uint8Array, start: number): number {
  if (block.length - start <= memory.blockCapacity) return block.length
  const last = block.lastIndexOf(10, start + memory.blockCapacity - 1)
  if (last >= start) return last + 1
  const next = block.indexOf(10, start)
  return next < 0 ? block.length : next + 1
}

/** @param end Place behind the line, of its newline where it has one. */
function tooLong(line: number, base: number, start: number, end: number): LineFault {
  const length = end - start
  return {
    line,
    reason: 'line-too-long',
    detail: `${length} bytes; at most ${memory.maxLineBytes} are read`,
    start: base + start,
    end: base + end,
  }
}

/** The same of a line that is not loaded. */
function farTooLong(block: Uint8Array, line: number, start: number, next: number): LineFault {
  let end = block[next - 1] === 10 ? next - 1 : next
  if (block[end - 1] === 13) end--
  return tooLong(line, 0, start, end)
}

/** Goes over the text of one span of all rows. */
function readSpans(rows: number, { from, to }: memory.SpanColumns, at: number, tokens: number): void {
  for (let row = 0; row < rows; row++) {
    const start = positions[row]!
    const end = scanTokens(row, tokens)
    if (end < 0) continue
    from[at + row] = start
    to[at + row] = end
    positions[row] = skipSpaces(end)
  }
}

/** Parses the blocks of one column plan. Keeps its dictionaries from block to block; addresses are shared with other parsers. */
export class LineParser implements BatchDictionaries {
  readonly plan: ColumnPlan
  readonly observers: ObserverDictionary
  readonly traits: TraitsDictionary
  readonly nextHops: ValueDictionary<NextHopValues>
  readonly extras: ValueDictionary<Record<string, string>>
  readonly addresses: AddressDictionary
  private readonly observerTexts: ObserverTexts
  private readonly traitsTexts: TraitsTexts
  private readonly nextHopTexts: TextDictionary<NextHopValues>
  private readonly extraTexts: TextDictionary<Record<string, string>>
  private readonly finder: ObserverFinder
  private readonly traitsFinder: TraitsFinder
  /** Rows read together. */
  private readonly stride: number
  private readonly hasStart: boolean
  private readonly hasEnd: boolean
  /** First row since the last fault or gap: from here on all are kept. */
  private keptFrom = 0

  constructor(plan: ColumnPlan, defaults: ObjectDefaults, addresses: AddressDictionary) {
    this.plan = plan
    this.observerTexts = new ObserverTexts(plan, defaults)
    this.traitsTexts = new TraitsTexts(plan)
    this.nextHopTexts = createNextHops(plan)
    this.extraTexts = createExtras(plan)
    this.observers = this.observerTexts.dictionary
    this.traits = this.traitsTexts.dictionary
    this.nextHops = this.nextHopTexts.dictionary
    this.extras = this.extraTexts.dictionary
    this.addresses = addresses
    const spans = Math.max(1, plan.observerSpans, plan.traitSpans.length, plan.nextHopSpans, plan.extraSpans)
    this.stride = Math.min(rowCapacity, Math.floor(memory.spanCapacity / spans))
    this.finder = new ObserverFinder(plan, this.stride, this.observerTexts)
    this.traitsFinder = new TraitsFinder(plan, this.stride, this.traitsTexts)
    this.hasStart = plan.has('start')
    this.hasEnd = plan.has('end')
  }

  /** True if the dictionaries have reached their bounds. */
  get full(): boolean {
    const spans = [this.observerTexts.spans, this.nextHopTexts.spans, this.extraTexts.spans, this.traitsTexts.spans]
    return spans.some(dictionary => dictionary.count > maxEntries || dictionary.arena.length > maxArenaBytes)
  }

  /** About how many bytes it takes, with what the encoder keeps of its dictionaries. */
  get bytes(): number {
    const spans = [this.observerTexts.spans, this.nextHopTexts.spans, this.extraTexts.spans, this.traitsTexts.spans]
    return spans.reduce((sum, { count, arena }) => sum + bytesOfEntry * count + 2 * arena.bytes.length, bytesOfParser)
  }

  /**
   * Parses a block of flow log lines into columns.
   *
   * @param block Whole lines, `\n` or `\r\n`, no header line; any bytes.
   * @param firstLine Line number of the first line of the block in its object.
   * @param batch Receives rows, gaps, faults and counts; what it held is gone.
   */
  parse(block: Uint8Array, firstLine: number, batch: FlowBatch): void {
    this.addresses.beginBlock()
    batch.reset(Math.floor(block.length / (2 * this.plan.names.length)) + 2, this.plan.filled)
    batch.dictionaries = this
    let line = firstLine
    for (let start = 0; start < block.length;) {
      const end = partEnd(block, start)
      if (end - start > memory.blockCapacity) batch.faults.push(farTooLong(block, line++, start, end))
      else {
        memory.loadBlock(block, start, end)
        // the line keeps its place and length: spaces before it are not a field
        if (start === 0 && beginsWithMark(block, firstLine)) bytes.fill(32, 0, markLength)
        line = this.parsePart(batch, start, end - start, line)
      }
      start = end
    }
    batch.lines = line - firstLine
  }

  /** Parses the loaded bytes, which stand at `base` in their block. Returns the number of the line behind them. */
  private parsePart(batch: FlowBatch, base: number, end: number, firstLine: number): number {
    let line = firstLine
    for (let p = 0, rows = 0; p < end; rows = 0) {
      for (; p < end && rows < this.stride; line++) {
        const next = memory.blockBuffer.indexOf(10, p)
        const first = skipSpaces(p)
        if (isLineEnd(first)) batch.blankLines++
        else if (next - first > memory.maxLineBytes) batch.faults.push(tooLong(line, base, p, bytes[next - 1] === 13 ? next - 1 : next))
        else {
          positions[rows] = first
          lineStarts[rows] = p
          lineEnds[rows] = next
          integers[lineAt + rows++] = line
        }
        p = next + 1
      }
      this.readColumns(rows)
      this.finishRows(batch, base, rows)
    }
    return line
  }

  private readColumns(rows: number): void {
    const { plan, stride } = this
    const { ops } = plan
    rowFaults.fill(0, 0, rows)
    rowGuesses.fill(0, 0, rows)
    for (let o = 0; o < ops.length; o += opStride) {
      const target = ops[o + 1]!
      const tokens = ops[o + 2]!
      const detail = ops[o + 3]!
      const column = ops[o + 4]!
      switch (ops[o]) {
        case opKind.number:
          readNumbers(rows, target * rowCapacity, detail, column)
          break
        case opKind.port:
          readPorts(rows, (memory.integerColumn.port + target) * rowCapacity, column)
          break
        case opKind.address:
          readAddresses(rows, target, detail - 1, column, this.addresses)
          break
        case opKind.observer:
          this.finder.read(rows, target, tokens)
          break
        case opKind.traits:
          this.traitsFinder.read(rows, target, tokens)
          break
        case opKind.nextHop:
          readSpans(rows, memory.nextHopSpans, target * stride, tokens)
          break
        default:
          readSpans(rows, memory.extraSpans, target * stride, tokens)
      }
    }
  }

  /** Finds the dictionary ids of rows whose fields are all read, and sorts them into flows, gaps and faults. */
  private finishRows(batch: FlowBatch, base: number, rows: number): void {
    this.keptFrom = 0
    for (let row = 0; row < rows; row++) if (!this.finishRow(batch, base, row)) this.keep(batch, row)
    this.keep(batch, rows)
  }

  /** Returns true for a flow; anything else is put where it belongs. */
  private finishRow(batch: FlowBatch, base: number, row: number): boolean {
    const { plan, traits, traitsTexts, observerTexts } = this
    let fault = rowFaults[row]!
    if (fault === 0 && isLineEnd(positions[row]!)) {
      const traitsId = plan.traitSpans.length === 0 ? 0 : this.traitsFinder.resolve(row)
      const observerId = this.finder.resolve(row)
      const nextHopId = plan.nextHopSpans === 0 ? 0 : this.nextHopOf(row)
      const extraId = plan.extraSpans === 0 ? 0 : this.extraOf(row)
      const start = this.hasStart ? doubles[startAt + row]! : -1
      const end = this.hasEnd ? doubles[endAt + row]! : -1
      rowFaultColumns[row] = -1
      if (traitsTexts.fault[traitsId] !== 0) {
        fault = traitsTexts.fault[traitsId]!
        rowFaultColumns[row] = traitsTexts.faultColumn[traitsId]!
      } else if (end < start && end >= 0) fault = badTime
      else fault = observerTexts.fault[observerId]! | this.nextHopTexts.faults[nextHopId]! | this.extraTexts.faults[extraId]!
      if (fault === 0) {
        if (traits.kind[traitsId] === rowKind.flow) {
          integers[observerAt + row] = observerId
          integers[traitsAt + row] = traitsId
          integers[nextHopAt + row] = nextHopId
          integers[extraAt + row] = extraId
          return true
        }
        const { gaps } = batch
        const at = gaps.rows++
        gaps.ensure(gaps.rows)
        gaps.line[at] = integers[lineAt + row]!
        gaps.observerId[at] = observerId
        gaps.kind[at] = traits.kind[traitsId]!
        gaps.start[at] = start
        gaps.end[at] = end
        gaps.extra.push(this.gapExtraOf(row, observerId))
        return false
      }
    } else if (fault === 0) {
      fault = tooMany
      rowFaultColumns[row] = -1
    }
    const line = integers[lineAt + row]!
    batch.faults.push(describeFault(plan, bytes, base, lineStarts[row]!, lineEnds[row]!, line, fault, rowFaultColumns[row]!))
    return false
  }

  /** What a line of NODATA or SKIPDATA says and its record has no field for; null for nothing. Gaps are few, so their text is read again. */
  private gapExtraOf(row: number, observerId: number): Record<string, string> | null {
    const tokens = tokensOf(bytes.subarray(lineStarts[row], lineEnds[row]! - (bytes[lineEnds[row]! - 1] === 13 ? 1 : 0)))
    const observer = observerOf(this.observers.values[observerId]!)
    const entries: [string, string][] = []
    for (const [column, name] of this.plan.gapExtras) {
      const token = tokens[column]!
      // the observer stands in the record, whichever column it is from
      if (token !== '-' && token !== observer) entries.push([name, token])
    }
    return entries.length === 0 ? null : Object.fromEntries(entries)
  }

  private nextHopOf(row: number): number {
    const spans = memory.gatherSpans(memory.nextHopSpans, this.plan.nextHopSpans, this.stride, row)
    return this.nextHopTexts.idOf(bytes, view, spans.from, spans.to)
  }

  private extraOf(row: number): number {
    const spans = memory.gatherSpans(memory.extraSpans, this.plan.extraSpans, this.stride, row)
    return this.extraTexts.idOf(bytes, view, spans.from, spans.to)
  }

  /** Moves the flows before `row` to the batch; `row` itself is none. */
  private keep(batch: FlowBatch, row: number): void {
    const first = this.keptFrom
    this.keptFrom = row + 1
    if (first >= row) return
    const { addresses, ports, numbers } = this.plan.filled
    const at = batch.rows
    const column = (index: number): Int32Array => integers.subarray(index * rowCapacity + first, index * rowCapacity + row)
    const { address, port, line, observer, traits, nextHop, extra } = memory.integerColumn
    addresses.forEach((isFilled, i) => isFilled && batch.addressIds[i]!.set(column(address + i), at))
    ports.forEach((isFilled, i) => isFilled && batch.ports[i]!.set(column(port + i), at))
    numbers.forEach(
      (isFilled, i) => isFilled && batch.numbers[i]!.set(doubles.subarray(i * rowCapacity + first, i * rowCapacity + row), at),
    )
    batch.line.set(column(line), at)
    batch.observerId.set(column(observer), at)
    batch.traitsId.set(column(traits), at)
    batch.nextHopId.set(column(nextHop), at)
    batch.extraId.set(column(extra), at)
    batch.rows += row - first
  }
}
