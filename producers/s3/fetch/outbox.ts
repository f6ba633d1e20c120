/** The open transaction of a fetch task: raw lines, dead letters and ledger records that are committed together, with the position. */
import { isOver } from '../../../runtime/wall-clock.ts'
import { partitionOf } from '../../../runtime/partition.ts'
import type { OutRecord, PackedRecords } from '../../../runtime/records.ts'
import type { OutPart, TaskContext } from '../../../runtime/task.ts'
import type { ObjectKey, ObjectLedger } from '../../../schemas/records.ts'
import { topics } from '../../../schemas/topics.ts'
import { release } from '../text/text-memory.ts'
import { bytesRead, chunksCommitted, linesDead, linesRead, objectsRecorded, textBytesRead } from './fetch-metrics.ts'

/** When a transaction is full. */
export interface OutboxLimits {
  readonly chunkBytes: number
  readonly commitRows: number
  readonly commitIntervalMs: number
}

/** Called at named points, so that tests can stop or kill the process there. */
export type FetchPoint = (
  point: 'fetch-opened' | 'fetch-half-sent' | 'fetch-sent' | 'fetch-chunk-committed' | 'fetch-committed',
) => Promise<void> | void

/** A dead letter with its reason, for the counter. */
export interface DeadRecord extends OutRecord {
  readonly reason: string
}

/** Records of one object that belong together; all of a topic have the key of the object. */
export interface Staged {
  /** Raw-lines records of the object: the first ones packed, the others as they are. */
  readonly packed: PackedRecords[]
  readonly lines: OutRecord[]
  /** Text in `lines`. */
  openBytes: number
  /** Text that only `lines` refers to. */
  readonly memory: Buffer[]
  readonly deadLetters: DeadRecord[]
  rows: number
  textBytes: number
  storedBytes: number
}

/** Nothing staged. */
export const nothingStaged = (): Staged => ({
  packed: [],
  lines: [],
  openBytes: 0,
  memory: [],
  deadLetters: [],
  rows: 0,
  textBytes: 0,
  storedBytes: 0,
})

/** Text that is packed together: with one block more still a single batch. */
const packBytes = 600_000
/** Text that was read and is kept for lines beside it: beyond this the lines are packed, however few they are. */
const keptBytes = 4 * packBytes

/** Raw-lines records of one partition. */
type Lines = Pick<Staged, 'packed' | 'lines' | 'openBytes' | 'memory'>

/** Collects what one transaction will send. At most `chunkBytes` of text and one block more, for small objects one object more. */
export class Outbox {
  readonly #context: TaskContext
  readonly #limits: OutboxLimits
  readonly #atPoint: FetchPoint | undefined
  readonly #lines = new Map<number, Lines>()
  readonly #deadLetters = new Map<number, DeadRecord[]>()
  #ledger: OutRecord[] = []
  #states: ObjectLedger['state'][] = []
  #rows = 0
  #textBytes = 0
  #storedBytes = 0
  #position: number | null = null
  #sinceMs: number | null = null

  constructor(context: TaskContext, limits: OutboxLimits, atPoint?: FetchPoint) {
    this.#context = context
    this.#limits = limits
    this.#atPoint = atPoint
  }

  /** Starts the time of the transaction, for what is still staged. */
  begin(): void {
    this.#sinceMs ??= this.#context.nowMs()
  }

  /** Compresses lines as the runtime will send them, once there are enough, and gives their text back: a fifth of the memory until the commit. */
  async pack(lines: Lines, leastBytes = packBytes): Promise<void> {
    if (this.#context.pack === undefined || lines.openBytes < leastBytes || lines.lines.length === 0) return
    const packed = await this.#context.pack(lines.lines)
    if (packed === null) return
    lines.packed.push(...packed)
    lines.lines.length = 0
    lines.openBytes = 0
    release(lines.memory)
  }

  /**
   * Takes over chunks of text that are read. Their memory is given back at once where no line refers to it, else when the lines are packed: so a
   * line that is never held, or text that is skipped, takes no memory however long it is.
   */
  async retire(lines: Lines, chunks: readonly Buffer[]): Promise<void> {
    // without packing the lines alone hold what they refer to
    if (this.#context.pack === undefined) return
    lines.memory.push(...chunks)
    if (lines.memory.reduce((sum, chunk) => sum + chunk.length, 0) >= keptBytes) await this.pack(lines, 0)
    if (lines.lines.length === 0) release(lines.memory)
  }

  /** Adds what was read of an object together with the ledger record that accounts for it. */
  async add(key: ObjectKey, staged: Staged, record: ObjectLedger): Promise<void> {
    const { codecs } = this.#context
    await this.#addLines(codecs.rawLines.encodeKey(key), staged)
    append(this.#deadLetters, this.#context.partitionsOf(topics.deadLetters), staged.deadLetters)
    this.#ledger.push({ key: codecs.objects.encodeKey(key), value: codecs.objects.encodeValue(record) })
    this.#states.push(record.state)
    this.#rows += staged.rows
    this.#textBytes += staged.textBytes
    this.#storedBytes += staged.storedBytes
    this.begin()
  }

  async #addLines(key: Buffer, staged: Staged): Promise<void> {
    if (staged.packed.length + staged.lines.length === 0) return
    const partition = partitionOf(key, this.#context.partitionsOf(topics.rawLines))
    const present = this.#lines.get(partition)
    if (present === undefined) {
      this.#lines.set(partition, staged)
      return
    }
    // in the order of the text: what is there goes first
    if (staged.packed.length > 0) await this.pack(present, 0)
    present.packed.push(...staged.packed)
    present.lines.push(...staged.lines)
    present.memory.push(...staged.memory)
    present.openBytes += staged.openBytes
    await this.pack(present)
  }

  /** Every arrival before this offset is dealt with. */
  moveTo(offset: number): void {
    this.#position = offset
    this.begin()
  }

  /** True if the transaction, with so much more text and rows, is to be committed. */
  isFull(moreBytes = 0, moreRows = 0): boolean {
    return this.#textBytes + moreBytes >= this.#limits.chunkBytes || this.#rows + moreRows >= this.#limits.commitRows || this.isDue()
  }

  /** True if the time of the transaction is over. */
  isDue(): boolean {
    return this.#sinceMs !== null && isOver(this.#sinceMs, this.#context.nowMs(), this.#limits.commitIntervalMs)
  }

  /** Sends and commits. An error ends the task; a new one starts from what is committed. */
  async flush(): Promise<void> {
    if (this.#sinceMs === null) return
    const parts: OutPart[] = []
    for (const [partition, lines] of this.#lines) {
      await this.pack(lines, 0)
      for (const packed of lines.packed) parts.push({ topic: topics.rawLines, partition, records: packed })
      if (lines.lines.length > 0) parts.push({ topic: topics.rawLines, partition, records: lines.lines })
    }
    for (const [partition, records] of this.#deadLetters) parts.push({ topic: topics.deadLetters, partition, records })
    if (this.#ledger.length > 0) parts.push({ topic: topics.objects, partition: this.#context.partition, records: this.#ledger })
    // two requests: a test ends the process between them
    const [first, ...rest] = parts
    if (first !== undefined) await this.#context.sendAll([first])
    await this.#atPoint?.('fetch-half-sent')
    if (rest.length > 0) await this.#context.sendAll(rest)
    await this.#atPoint?.('fetch-sent')
    await this.#context.commit(this.#position === null ? null : { offset: this.#position, metadata: '' })
    const chunk = this.#states.includes('reading')
    this.#count()
    this.#clear()
    if (chunk) await this.#atPoint?.('fetch-chunk-committed')
    await this.#atPoint?.('fetch-committed')
  }

  #count(): void {
    linesRead.inc(this.#rows)
    textBytesRead.inc(this.#textBytes)
    bytesRead.inc(this.#storedBytes)
    for (const records of this.#deadLetters.values()) for (const { reason } of records) linesDead.inc({ reason })
    for (const state of this.#states) objectsRecorded.inc({ state })
    if (this.#states.includes('reading')) chunksCommitted.inc()
  }

  #clear(): void {
    this.#lines.clear()
    this.#deadLetters.clear()
    this.#ledger = []
    this.#states = []
    this.#rows = this.#textBytes = this.#storedBytes = 0
    this.#position = this.#sinceMs = null
  }
}

function append(parts: Map<number, DeadRecord[]>, partitions: number, records: readonly DeadRecord[]): void {
  const [first] = records
  if (first?.key == null) return
  const partition = partitionOf(first.key, partitions)
  const present = parts.get(partition)
  if (present === undefined) parts.set(partition, [...records])
  else present.push(...records)
}
