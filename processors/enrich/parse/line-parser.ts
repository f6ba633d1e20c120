/**
 * The parser: a block of flow log lines becomes a flow batch.
 *
 * One pass over the bytes, driven by the column plan. No object, string or exception per row: values go straight into typed arrays, text is
 * found in dictionaries by its bytes. Speed: bench/parse.ts.
 */
import type { NextHopRecord } from '../../../schemas/flow-types.ts'
import type { AddressDictionary } from './address-dictionary.ts'
import { isLineEnd, type BlockBuffer } from './block-buffer.ts'
import { equalBytes } from './byte-arena.ts'
import { ClassDictionary } from './class-dictionary.ts'
import type { ColumnPlan } from './column-plan.ts'
import { ContextDictionary, type ObjectDefaults } from './context-dictionary.ts'
import { ContextFinder } from './context-finder.ts'
import { describeFault } from './describe-fault.ts'
import type { BatchDictionaries, FlowBatch } from './flow-batch.ts'
import { faultNumber } from './line-faults.ts'
import { mix } from './span-dictionary.ts'
import { createExtras, createNextHops, type TextDictionary } from './text-dictionaries.ts'

// Bytes as literals in the code below: a module constant is a memory load in V8, a literal is none.
// 10 newline, 13 carriage return, 32 space, 45 dash, 46 dot, 48 to 57 digits; cases 0 to 6 are the kinds of `opKind`, 5 is `opStride`.

const tooFew = faultNumber('too-few-fields')
const tooMany = faultNumber('too-many-fields')
const badNumber = faultNumber('bad-number')
const tooLarge = faultNumber('number-too-large')
const badAddress = faultNumber('bad-address')
const badTime = faultNumber('bad-time')
const inMilliseconds = faultNumber('time-in-milliseconds')

/** Largest counter: avsc, and so any reader with it, refuses longs above this. */
const maxCounter = 2 ** 53 - 2
const maxTime = 2 ** 32 - 1
const maxTimeMs = maxTime * 1000 + 999

/** Bounds of the dictionaries of one parser; a fuller one is replaced between blocks. */
const maxEntries = 32_768
const maxArenaBytes = 4_194_304

/** Parses the blocks of one column plan. Keeps its dictionaries from block to block; addresses are shared with other parsers. */
export class LineParser implements BatchDictionaries {
  readonly plan: ColumnPlan
  readonly contexts: ContextDictionary
  readonly classes: ClassDictionary
  readonly nextHops: TextDictionary<NextHopRecord>
  readonly extras: TextDictionary<Record<string, string>>
  readonly addresses: AddressDictionary
  private readonly buffer: BlockBuffer
  private readonly finder: ContextFinder
  private position = 0
  private hash = 0
  private faultColumn = -1
  private readonly nextHopFrom: Int32Array
  private readonly nextHopTo: Int32Array
  private readonly extraFrom: Int32Array
  private readonly extraTo: Int32Array
  private readonly runFrom: Int32Array
  private readonly runTo: Int32Array
  private readonly addressFrom = new Int32Array(4)
  private readonly addressTo = new Int32Array(4)

  constructor(plan: ColumnPlan, defaults: ObjectDefaults, addresses: AddressDictionary, buffer: BlockBuffer) {
    this.plan = plan
    this.contexts = new ContextDictionary(plan, defaults)
    this.classes = new ClassDictionary(plan)
    this.nextHops = createNextHops(plan)
    this.extras = createExtras(plan)
    this.addresses = addresses
    this.buffer = buffer
    this.finder = new ContextFinder(plan, this.contexts, buffer)
    this.nextHopFrom = new Int32Array(plan.nextHopSpans)
    this.nextHopTo = new Int32Array(plan.nextHopSpans)
    this.extraFrom = new Int32Array(plan.extraSpans)
    this.extraTo = new Int32Array(plan.extraSpans)
    this.runFrom = new Int32Array(plan.classRuns.length)
    this.runTo = new Int32Array(plan.classRuns.length)
  }

  /** True where the dictionaries have reached their bounds. */
  get full(): boolean {
    const spans = [this.contexts.spans, this.nextHops.spans, this.extras.spans, this.classes.spans]
    return spans.some(dictionary => dictionary.count > maxEntries || dictionary.arena.length > maxArenaBytes)
  }

  /**
   * Parses a block of flow log lines into columns.
   *
   * @param block Whole lines, `\n` or `\r\n`, no header line; any bytes.
   * @param firstLine Line number of the first line of the block in its object.
   * @param batch Receives rows, gaps, faults and counts; what it held is gone.
   */
  parse(block: Uint8Array, firstLine: number, batch: FlowBatch): void {
    const buffer = this.buffer
    buffer.load(block)
    this.addresses.beginBlock()
    const { bytes, view } = buffer
    const end = block.length
    batch.reset(Math.floor(end / (2 * this.plan.names.length)) + 2, this.plan)
    batch.dictionaries = this
    let line = firstLine
    for (let p = 0; p < end; line++) {
      let first = p
      while (bytes[first] === 32) first++
      if (isLineEnd(bytes, first)) {
        batch.blankLines++
        p = first + (bytes[first] === 10 ? 1 : 2)
      } else p = this.parseLine(batch, bytes, view, p, first, line)
    }
    batch.lines = line - firstLine
  }

  /**
   * Parses one line. A function of its own, not the body of a loop: V8 optimizes it after some thousand lines, whereas the loop of a block would
   * be entered unoptimized every time.
   *
   * @param lineStart First byte of the line.
   * @param first First byte of its first field.
   * @returns The place behind the line end.
   */
  private parseLine(batch: FlowBatch, bytes: Uint8Array, view: DataView, lineStart: number, first: number, line: number): number {
    const { plan, contexts, finder, runFrom, runTo, addressFrom, addressTo } = this
    const { from: contextFrom, to: contextTo } = finder
    const { addressIds, ports, numbers } = batch
    const { ops, contextSpans } = plan
    const { lengths: contextLengths, starts: contextStarts } = contexts.spans
    const contextView = contexts.spans.arena.view
    const row = batch.rows
    let p = first
    let c = bytes[p]!
    let fault = 0
    let column = -1
    let guess = 0
    let classHash = 17
    fields: for (let o = 0; o < ops.length; o += 5) {
      if (c <= 13 && (c === 10 || (c === 13 && bytes[p + 1] === 10))) {
        fault = tooFew
        break
      }
      const target = ops[o + 1]!
      switch (ops[o]!) {
        case 0: {
          let digit = (c - 48) >>> 0
          if (digit <= 9) {
            // nine digits fit an int32, which is twice as fast as doubles
            let small = digit
            const nine = p + 9
            digit = (bytes[++p]! - 48) >>> 0
            while (digit <= 9 && p < nine) {
              small = small * 10 + digit
              digit = (bytes[++p]! - 48) >>> 0
            }
            if (digit > 9) numbers[target]![row] = small
            else {
              let value = small
              while (digit <= 9) {
                value = value * 10 + digit
                digit = (bytes[++p]! - 48) >>> 0
              }
              numbers[target]![row] = value
              if (value > maxTime)
                fault = ops[o + 3] === 1 ? (value <= maxTimeMs ? inMilliseconds : badTime) : value > maxCounter ? tooLarge : 0
            }
          } else if (c === 45) {
            numbers[target]![row] = -1
            p++
          } else fault = badNumber
          if (bytes[p]! > 32) fault = badNumber
          break
        }
        case 1: {
          let digit = (c - 48) >>> 0
          if (digit <= 9) {
            let port = digit
            digit = (bytes[++p]! - 48) >>> 0
            while (digit <= 9) {
              // stays above 65535 and within int32, however many digits follow
              port = (port > 65_535 ? 65_536 : port * 10) + digit
              digit = (bytes[++p]! - 48) >>> 0
            }
            ports[target]![row] = port
            if (port > 65_535) fault = tooLarge
          } else if (c === 45) {
            ports[target]![row] = -1
            p++
          } else fault = badNumber
          if (bytes[p]! > 32) fault = badNumber
          break
        }
        case 2: {
          const twin = ops[o + 3]! - 1
          addressFrom[target] = p
          if (twin >= 0) {
            const from = addressFrom[twin]!
            const length = addressTo[twin]! - from
            if (bytes[p + length]! <= 32 && equalBytes(view, p, view, from, length)) {
              p += length
              addressTo[target] = p
              addressIds[target]![row] = addressIds[twin]![row]!
              break
            }
          }
          const id = this.readAddress(bytes, view, p)
          if (id < 0) {
            fault = badAddress
            break
          }
          p = this.position
          addressTo[target] = p
          addressIds[target]![row] = id
          break
        }
        case 3: {
          contextFrom[target] = p
          if (guess !== 0) {
            const entry = guess * contextSpans + target
            const length = contextLengths[entry]!
            const behind = bytes[p + length]!
            if ((behind === 32 || isLineEnd(bytes, p + length)) && equalBytes(view, p, contextView, contextStarts[entry]!, length)) {
              p += length
              contextTo[target] = p
              break
            }
            guess = 0
          } else if (ops[o + 3] === 1) {
            guess = finder.guess(bytes, view, p, target)
            if (guess !== 0) {
              p = contextTo[target]!
              break
            }
          }
          if (!this.scan(bytes, p, ops[o + 2]!)) fault = tooFew
          p = this.position
          contextTo[target] = p
          break
        }
        case 4:
          runFrom[target] = p
          this.hash = classHash
          if (!this.scan(bytes, p, ops[o + 2]!)) fault = tooFew
          classHash = this.hash
          p = this.position
          runTo[target] = p
          break
        case 5:
          this.nextHopFrom[target] = p
          if (!this.scan(bytes, p, ops[o + 2]!)) fault = tooFew
          p = this.position
          this.nextHopTo[target] = p
          break
        default:
          this.extraFrom[target] = p
          if (!this.scan(bytes, p, ops[o + 2]!)) fault = tooFew
          p = this.position
          this.extraTo[target] = p
      }
      c = bytes[p]!
      if (c === 32) {
        do c = bytes[++p]!
        while (c === 32)
        if (fault === 0) continue fields
      } else if (c !== 10 && !(c === 13 && bytes[p + 1] === 10) && fault === 0) fault = ops[o] === 2 ? badAddress : badNumber
      if (fault !== 0) {
        column = ops[o + 4]!
        break
      }
    }
    if (fault === 0 && !isLineEnd(bytes, p)) fault = tooMany
    if (fault === 0) {
      fault = this.finishRow(batch, bytes, view, row, line, guess, mix(classHash))
      column = fault === 0 ? -1 : this.faultColumn
    }
    if (fault === 0) return p + (c === 10 ? 1 : 2)
    const lineEnd = bytes.indexOf(10, p)
    batch.faults.push(describeFault(plan, bytes, lineStart, lineEnd, line, fault, column))
    return lineEnd + 1
  }

  /** Finds the dictionary ids of a row whose fields are all read, and keeps it as a flow or a gap. Returns a fault number, 0 for none. */
  private finishRow(
    batch: FlowBatch,
    bytes: Uint8Array,
    view: DataView,
    row: number,
    line: number,
    guess: number,
    classHash: number,
  ): number {
    const { plan, classes, contexts } = this
    let classId = 0
    if (plan.classRuns.length > 0) {
      const known = classes.count
      classId = classes.spans.idOf(classHash, bytes, view, this.runFrom, this.runTo)
      if (classId > known) classes.add(classId)
    }
    const contextId = guess !== 0 ? guess : this.finder.resolve(bytes, view)
    const nextHopId = plan.nextHopSpans === 0 ? 0 : this.nextHops.idOf(bytes, view, this.nextHopFrom, this.nextHopTo)
    const extraId = plan.extraSpans === 0 ? 0 : this.extras.idOf(bytes, view, this.extraFrom, this.extraTo)
    const start = batch.numbers[2]![row]!
    const end = batch.numbers[3]![row]!
    this.faultColumn = -1
    if (classes.fault[classId] !== 0) {
      this.faultColumn = classes.faultColumn[classId]!
      return classes.fault[classId]!
    }
    if (end < start && end >= 0) return badTime
    const fault = contexts.fault[contextId]! | this.nextHops.faults[nextHopId]! | this.extras.faults[extraId]!
    if (fault !== 0) return fault
    const kind = classes.kind[classId]!
    if (kind === 0) {
      batch.line[row] = line
      batch.contextId[row] = contextId
      batch.classId[row] = classId
      batch.nextHopId[row] = nextHopId
      batch.extraId[row] = extraId
      batch.rows = row + 1
      return 0
    }
    const { gaps } = batch
    const at = gaps.rows++
    gaps.ensure(gaps.rows)
    gaps.line[at] = line
    gaps.contextId[at] = contextId
    gaps.kind[at] = kind
    gaps.start[at] = start
    gaps.end[at] = end
    return 0
  }

  /** Reads an address at p: its id, 0 for `-`, -1 where it is none. `position` is behind it. */
  private readAddress(bytes: Uint8Array, view: DataView, p: number): number {
    let value = 0
    let q = p
    for (let octet = 3; ; octet--) {
      let part = (bytes[q]! - 48) >>> 0
      if (part > 9) return this.readOtherAddress(bytes, view, p)
      let digit = (bytes[++q]! - 48) >>> 0
      if (digit <= 9) {
        if (part === 0) return this.readOtherAddress(bytes, view, p)
        part = part * 10 + digit
        digit = (bytes[++q]! - 48) >>> 0
        if (digit <= 9) {
          part = part * 10 + digit
          q++
          if (part > 255) return this.readOtherAddress(bytes, view, p)
        }
      }
      value = (value << 8) | part
      if (octet === 0) break
      if (bytes[q] !== 46) return this.readOtherAddress(bytes, view, p)
      q++
    }
    if (bytes[q]! > 32) return -1
    this.position = q
    return this.addresses.internV4(value)
  }

  private readOtherAddress(bytes: Uint8Array, view: DataView, p: number): number {
    let q = p
    while (bytes[q]! > 32) q++
    this.position = q
    if (q === p + 1 && bytes[p] === 45) return 0
    return this.addresses.internV6(bytes, view, p, q) || -1
  }

  /** Goes over `tokens` tokens from p on and adds them to `hash`. False where the line ends before. `position` is behind the last one. */
  private scan(bytes: Uint8Array, p: number, tokens: number): boolean {
    let h = this.hash
    let left = tokens
    let q = p
    for (;;) {
      let c = bytes[q]!
      while (c > 32) {
        h = (Math.imul(h, 31) + c) | 0
        c = bytes[++q]!
      }
      if (c === 32) {
        if (--left === 0) break
        h = (Math.imul(h, 31) + 32) | 0
        const behind = q
        do c = bytes[++q]!
        while (c === 32)
        if (!isLineEnd(bytes, q)) continue
        q = behind
        break
      }
      if (isLineEnd(bytes, q)) {
        left--
        break
      }
      h = (Math.imul(h, 31) + c) | 0
      q++
    }
    this.hash = h
    this.position = q
    return left === 0
  }
}
