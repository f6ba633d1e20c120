/** The open transaction of a fetch task: raw lines, dead letters and ledger records that are committed together, with the position. */
import { partitionOf } from '../../runtime/partition.ts'
import type { OutRecord } from '../../runtime/records.ts'
import type { TaskContext } from '../../runtime/task.ts'
import type { ObjectKey, ObjectLedger } from '../../schemas/records.ts'
import { topics } from '../../schemas/topics.ts'
import { bytesRead, chunksCommitted, linesDead, linesRead, objectsRecorded, textBytesRead } from './fetch-metrics.ts'

/** When a transaction is full. */
export interface OutboxLimits {
  readonly chunkBytes: number
  readonly commitRows: number
  readonly commitIntervalMs: number
}

/** Called at named points, so that tests can stop or kill the process there. */
export type Probe = (
  point: 'fetch-opened' | 'fetch-half-sent' | 'fetch-sent' | 'fetch-chunk-committed' | 'fetch-committed',
) => Promise<void> | void

/** A dead letter with its reason, for the counter. */
export interface DeadRecord extends OutRecord {
  readonly reason: string
}

/** Records of one object that belong together; all of a topic have the key of the object. */
export interface Staged {
  /** Raw-lines records of the object. */
  readonly lines: OutRecord[]
  readonly deadLetters: DeadRecord[]
  rows: number
  textBytes: number
  storedBytes: number
}

/** Nothing staged. */
export const nothingStaged = (): Staged => ({ lines: [], deadLetters: [], rows: 0, textBytes: 0, storedBytes: 0 })

/** See the head of this file. At most `chunkBytes` of text and one block more, for small objects one object more. */
export class Outbox {
  readonly #context: TaskContext
  readonly #limits: OutboxLimits
  readonly #probe: Probe | undefined
  readonly #lines = new Map<number, OutRecord[]>()
  readonly #deadLetters = new Map<number, DeadRecord[]>()
  #ledger: OutRecord[] = []
  #states: ObjectLedger['state'][] = []
  #rows = 0
  #textBytes = 0
  #storedBytes = 0
  #position: number | null = null
  #sinceMs: number | null = null

  constructor(context: TaskContext, limits: OutboxLimits, probe?: Probe) {
    this.#context = context
    this.#limits = limits
    this.#probe = probe
  }

  /** Starts the time of the transaction, for what is still staged. */
  begin(): void {
    this.#sinceMs ??= this.#context.nowMs()
  }

  /** Adds what was read of an object together with the ledger record that accounts for it. */
  add(key: ObjectKey, staged: Staged, record: ObjectLedger): void {
    const { codecs } = this.#context
    append(this.#lines, this.#context.partitionsOf(topics.rawLines), staged.lines)
    append(this.#deadLetters, this.#context.partitionsOf(topics.deadLetters), staged.deadLetters)
    this.#ledger.push({ key: codecs.objects.encodeKey(key), value: codecs.objects.encodeValue(record) })
    this.#states.push(record.state)
    this.#rows += staged.rows
    this.#textBytes += staged.textBytes
    this.#storedBytes += staged.storedBytes
    this.begin()
  }

  /** Every arrival before this offset is dealt with. */
  moveTo(offset: number): void {
    this.#position = offset
    this.begin()
  }

  /** True where the transaction, with so much more text and rows, is to be committed. */
  isFull(moreBytes = 0, moreRows = 0): boolean {
    return this.#textBytes + moreBytes >= this.#limits.chunkBytes || this.#rows + moreRows >= this.#limits.commitRows || this.isDue()
  }

  /** True where the time of the transaction is over. */
  isDue(): boolean {
    return this.#sinceMs !== null && this.#context.nowMs() - this.#sinceMs >= this.#limits.commitIntervalMs
  }

  /** Sends and commits. An error ends the task; a new one starts from what is committed. */
  async flush(): Promise<void> {
    if (this.#sinceMs === null) return
    let half = this.#lines.size + this.#deadLetters.size > 0
    for (const [topic, parts] of [
      [topics.rawLines, this.#lines],
      [topics.deadLetters, this.#deadLetters],
    ] as const) {
      for (const [partition, records] of parts) {
        await this.#context.send(topic, partition, records)
        if (half) await this.#probe?.('fetch-half-sent')
        half = false
      }
    }
    if (this.#ledger.length > 0) await this.#context.send(topics.objects, this.#context.partition, this.#ledger)
    await this.#probe?.('fetch-sent')
    await this.#context.commit(this.#position === null ? null : { offset: this.#position, metadata: '' })
    const chunk = this.#states.includes('reading')
    this.#count()
    this.#clear()
    if (chunk) await this.#probe?.('fetch-chunk-committed')
    await this.#probe?.('fetch-committed')
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

function append<T extends OutRecord>(parts: Map<number, T[]>, partitions: number, records: readonly T[]): void {
  const [first] = records
  if (first?.key == null) return
  const partition = partitionOf(first.key, partitions)
  const present = parts.get(partition)
  if (present === undefined) parts.set(partition, [...records])
  else present.push(...records)
}
