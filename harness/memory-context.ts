/** Kafka in memory for tests: topics with transactions, fences and positions behind the very contract that roles are written for. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { countedSchemaIds, createCodecs, type Codecs } from '../runtime/avro.ts'
import { FlowError } from '../runtime/errors.ts'
import { createLog, type Log } from '../runtime/log.ts'
import { partitionOf } from '../runtime/partition.ts'
import type { InBatch, InRecord, OutRecord } from '../runtime/records.ts'
import type { OutPart, Position, Role, Source, SourceContext, Task, TaskContext } from '../runtime/task.ts'
import { topics, type RecordTypes, type Topic, type TopicId } from '../schemas/topics.ts'
import { EncodedTable, typedTable, type SideTable } from '../runtime/side-table.ts'
import { decodeSlab, encodeSlab } from './memory-slabs.ts'

/** Where a call can be made to fail. `commit-unknown`: the commit counts, but its answer is lost. */
export type FailurePoint = 'send' | 'commit' | 'commit-unknown'

/** A record with its place and its decoded key and value (raw-lines: the value is the text). */
export interface ReadRecord<K = unknown, V = unknown> {
  readonly partition: number
  readonly offset: number
  readonly key: K
  readonly value: V | null
  readonly bytes: Buffer | null
  readonly keyBytes: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

const groups: readonly Topic['partitionedWith'][] = ['objects', 'lines', 'flows', 'addresses', 'few']
const idOf = (topic: Topic): TopicId => Object.entries(topics).find(([, candidate]) => candidate.name === topic.name)![0] as TopicId

/** Topics, positions and fences. The clock stands still unless a test moves `clockMs`. */
export class MemoryCluster {
  readonly codecs: Codecs = createCodecs(countedSchemaIds())
  readonly log: Log = createLog('silent')
  readonly commits: { role: string; partition: number; position: Position | null }[] = []
  clockMs: number
  readonly #partitions: Readonly<Record<Topic['partitionedWith'], number>>
  readonly #records = new Map<TopicId, InRecord[][]>()
  readonly #positions = new Map<string, Position>()
  readonly #epochs = new Map<string, number>()
  readonly #tables = new Map<TopicId, { table: EncodedTable; next: number[] }>()
  /** Side tables are read no further, as while the broker is away. */
  sideTablesStand = false

  constructor(options: { clockMs?: number; partitions?: number | Partial<Record<Topic['partitionedWith'], number>> } = {}) {
    this.clockMs = options.clockMs ?? Date.parse('2026-11-24T12:00:00Z')
    const given = options.partitions ?? 1
    this.#partitions = Object.fromEntries(groups.map(group => [group, typeof given === 'number' ? given : (given[group] ?? 1)])) as Record<
      Topic['partitionedWith'],
      number
    >
    for (const [id, topic] of Object.entries(topics))
      this.#records.set(
        id as TopicId,
        Array.from({ length: this.#partitions[topic.partitionedWith] }, () => []),
      )
  }

  partitionsOf(topic: Topic): number {
    return this.#partitions[topic.partitionedWith]
  }

  /** Every committed record of one partition as a consumer sees it. */
  partition(id: TopicId, partition: number): readonly InRecord[] {
    return this.#log(id, partition)
  }

  /** Appends without a transaction, as sources do. */
  append(id: TopicId, partition: number, records: readonly OutRecord[]): void {
    const log = this.#log(id, partition)
    for (const record of records) {
      const headers = Object.fromEntries(Object.entries(record.headers ?? {}).map(([name, value]) => [name, Buffer.from(value)]))
      // a copy: the writer may reuse its bytes
      log.push({ offset: log.length, timestampMs: this.clockMs, key: copy(record.key), value: copy(record.value), headers })
    }
  }

  /** Encodes and appends one record to the partition of its key; returns the partition. */
  put<T extends TopicId>(id: T, key: RecordTypes[T][0], value: RecordTypes[T][1] | null): number {
    const codec = this.#codec(id)
    const bytes = codec.encodeKey(key)
    const partition = partitionOf(bytes, this.#partitions[topics[id].partitionedWith])
    this.append(id, partition, [{ key: bytes, value: value === null ? null : codec.encodeValue(value) }])
    return partition
  }

  /** Everything committed to a topic, decoded, partition by partition. */
  readCommitted<T extends TopicId>(id: T): ReadRecord<RecordTypes[T][0], T extends 'rawLines' ? string : RecordTypes[T][1]>[] {
    const codec = this.#codec(id)
    const text = topics[id].value === null
    return this.#records.get(id)!.flatMap((log, partition) =>
      log.map(record => ({
        partition,
        offset: record.offset,
        key: codec.decodeKey(record.key!) as RecordTypes[T][0],
        value: record.value === null ? null : ((text ? record.value.toString() : codec.decodeValue(record.value)) as never),
        bytes: record.value,
        keyBytes: record.key,
        headers: Object.fromEntries(Object.entries(record.headers).map(([name, value]) => [name, value.toString()])),
      })),
    )
  }

  /** The newest value of each key of a topic, by the text of `name(key)`; tombstones are left out. */
  latest<T extends TopicId>(id: T, name: (key: RecordTypes[T][0]) => string): Map<string, RecordTypes[T][1]> {
    const values = new Map<string, RecordTypes[T][1]>()
    for (const record of this.readCommitted(id)) {
      if (record.value === null) values.delete(name(record.key))
      else values.set(name(record.key), record.value as RecordTypes[T][1])
    }
    return values
  }

  positionOf(role: Role, partition: number): Position {
    return this.#positions.get(`${role.name}/${partition}`) ?? { offset: 0, metadata: '' }
  }

  /** Reads the side tables of a role on to the ends of their topics, from the beginning if no task had them yet. */
  readSideTables({ name, sideTables = [] }: Role): void {
    for (const { topic, bound } of sideTables) {
      if (topics[topic].cleanup !== 'compact') throw new TypeError(`${topic} is not compacted`)
      const known = this.#tables.get(topic)
      if (known !== undefined && this.sideTablesStand) continue
      const { table, next } = known ?? { table: new EncodedTable(), next: [] }
      this.#tables.set(topic, { table, next })
      for (const [partition, log] of this.#records.get(topic)!.entries()) {
        for (const { key, value } of log.slice(next[partition] ?? 0)) if (key !== null) table.set(key, value)
        next[partition] = log.length
      }
      if (table.fill(bound) > 1) throw new FlowError('SIDE_TABLE_FULL', { topic: `${name} ${topic}`, setting: bound.setting })
    }
  }

  /** The processes of the cluster are replaced: nothing of the side tables is in memory. */
  forgetSideTables(): void {
    this.#tables.clear()
  }

  /** A context behind a new fence: every older context of the same role and partition is refused from now on. */
  createContext(role: Role, partition: number): MemoryContext {
    const name = `${role.name}/${partition}`
    const epoch = (this.#epochs.get(name) ?? 0) + 1
    this.#epochs.set(name, epoch)
    return new MemoryContext(this, name, partition, {
      table: topic => {
        if (role.sideTables?.some(spec => spec.topic === topic) !== true)
          throw new TypeError(`${role.name} does not name ${topic} in sideTables`)
        return typedTable(topic, this.codecs, () => this.#tables.get(topic)!.table)
      },
      isFenced: () => this.#epochs.get(name) !== epoch,
      commit: (pending, position) => {
        for (const { id, partition: to, records } of pending) this.append(id, to, records)
        if (position !== null) this.#positions.set(name, position)
        this.commits.push({ role: role.name, partition, position })
      },
    })
  }

  /** Fence, restore, start: what the runtime does before the first record. */
  async startTask(role: Role, partition: number): Promise<MemoryTask> {
    this.readSideTables(role)
    const context = this.createContext(role, partition)
    const task = role.createTask(context)
    if (role.state !== undefined && task.restore !== undefined) for (const record of this.#log(role.state, partition)) task.restore(record)
    const position = this.positionOf(role, partition)
    await task.start?.(position)
    return new MemoryTask(this, role, task, context, position.offset)
  }

  /** Runs every partition of a role over all its input, then stops it: the short way for topology tests. */
  async runRole(role: Role, options: { maxRecords?: number } = {}): Promise<void> {
    for (let partition = 0; partition < this.#partitions[topics[role.from].partitionedWith]; partition++) {
      const running = await this.startTask(role, partition)
      await running.drain(options.maxRecords)
      await running.stop()
    }
  }

  /** A context for one shard of a source. */
  createSourceContext(source: Source, shard: number, signal: AbortSignal): SourceContext {
    return {
      shard,
      shards: this.#partitions[topics[source.shardBy].partitionedWith],
      name: `${source.name}/${shard}`,
      log: this.log,
      codecs: this.codecs,
      signal,
      partitionsOf: topic => this.partitionsOf(topic),
      send: async (topic, partition, records) => {
        await nextTurn()
        this.append(idOf(topic), partition, records)
      },
      nowMs: () => this.clockMs,
    }
  }

  #log(id: TopicId, partition: number): InRecord[] {
    const log = this.#records.get(id)?.[partition]
    if (log === undefined) throw new RangeError(`${id} has no partition ${partition}`)
    return log
  }

  #codec(id: TopicId) {
    return this.codecs[id] as unknown as {
      encodeKey(key: unknown): Buffer
      encodeValue(value: unknown): Buffer
      decodeKey(bytes: Buffer): unknown
      decodeValue(bytes: Buffer): unknown
    }
  }
}

/** What a context has behind it. */
interface MemoryBack {
  table<T extends TopicId>(topic: T): SideTable<T>
  isFenced(): boolean
  commit(pending: readonly Pending[], position: Position | null): void
}

interface Pending {
  id: TopicId
  partition: number
  records: OutRecord[]
}

const copy = (bytes: Uint8Array | null): Buffer | null => (bytes === null ? null : Buffer.from(bytes))

function copiesOf(records: OutPart['records']): OutRecord[] {
  if ('packed' in records) throw new TypeError('nothing is packed here')
  const list = 'bytes' in records ? decodeSlab(records).map(({ key, value }) => ({ key, value })) : records
  return list.map(record => ({ ...record, key: copy(record.key), value: copy(record.value) }))
}

/** TaskContext of one task: what it sends is invisible until its commit. */
export class MemoryContext implements TaskContext {
  readonly partition: number
  readonly name: string
  readonly log: Log
  readonly codecs: Codecs
  readonly #cluster: MemoryCluster
  readonly #stop = new AbortController()
  readonly #back: MemoryBack
  readonly #failures: { point: FailurePoint; calls: number; error: Error }[] = []
  #pending: Pending[] = []
  #dead = false

  constructor(cluster: MemoryCluster, name: string, partition: number, back: MemoryBack) {
    this.#cluster = cluster
    this.name = name
    this.partition = partition
    this.#back = back
    this.log = cluster.log
    this.codecs = cluster.codecs
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Ends `signal`, as SIGTERM does. */
  abort(): void {
    this.#stop.abort()
  }

  /** Makes a later call fail: `after` further calls of that kind succeed first. */
  failAt(
    point: FailurePoint,
    after = 0,
    error: Error = new FlowError('KAFKA_UNAVAILABLE', { brokers: 'memory', detail: `injected at ${point}` }),
  ): void {
    this.#failures.push({ point, calls: after, error })
  }

  partitionsOf(topic: Topic): number {
    return this.#cluster.partitionsOf(topic)
  }

  send(topic: Topic, partition: number, records: OutPart['records']): Promise<void> {
    return this.sendAll([{ topic, partition, records }])
  }

  async sendAll(parts: readonly OutPart[]): Promise<void> {
    this.#check()
    // copied now: a writer may reuse its bytes as soon as this resolves
    const copies = parts.map(({ topic, partition, records }) => ({ topic, partition, records: copiesOf(records) }))
    await nextTurn()
    this.#failIfDue('send')
    this.#check()
    for (const { topic, partition, records } of copies) {
      if (partition < 0 || partition >= this.partitionsOf(topic)) throw new RangeError(`${topic.name} has no partition ${partition}`)
      this.#pending.push({ id: idOf(topic), partition, records })
    }
  }

  async commit(position: Position | null): Promise<void> {
    this.#check()
    await nextTurn()
    this.#failIfDue('commit')
    this.#check()
    if (position !== null && (!Number.isSafeInteger(position.offset) || position.offset < 0))
      throw new RangeError(`position ${position.offset}`)
    const pending = this.#pending
    this.#pending = []
    this.#back.commit(pending, position)
    this.#failIfDue('commit-unknown')
  }

  async lookUp(topic: Topic, keys: readonly Buffer[]): Promise<(Buffer | null)[]> {
    this.#check()
    if (this.#pending.some(({ id }) => topics[id] === topic))
      throw new TypeError(`${this.name}: records of ${topic.name} are not committed yet`)
    await nextTurn()
    const newest = new Map<string, Buffer | null>()
    for (const { key, value } of this.#cluster.partition(idOf(topic), this.partition))
      if (key !== null) newest.set(key.toString('latin1'), value)
    return keys.map(key => newest.get(key.toString('latin1')) ?? null)
  }

  async greatestGroup(topic: Topic): Promise<number | undefined> {
    await this.lookUp(topic, [])
    const groups = this.#cluster.partition(idOf(topic), this.partition).map(({ key }) => topic.groupOfKey!(key!))
    return groups.length === 0 ? undefined : Math.max(...groups)
  }

  sideTable<T extends TopicId>(topic: T): SideTable<T> {
    return this.#back.table(topic)
  }

  nowMs(): number {
    return this.#cluster.clockMs
  }

  #check(): void {
    if (this.#dead) throw new Error(`${this.name}: used again after an error; a task must die at its first error`)
    if (this.#back.isFenced()) throw new FlowError('TASK_FENCED', { task: this.name })
  }

  #failIfDue(point: FailurePoint): void {
    const index = this.#failures.findIndex(candidate => candidate.point === point)
    const failure = this.#failures[index]
    if (failure === undefined) return
    if (failure.calls-- > 0) return
    this.#failures.splice(index, 1)
    this.#dead = true
    throw failure.error
  }
}

/** A started task with the place it reads from. */
export class MemoryTask {
  readonly context: MemoryContext
  readonly #cluster: MemoryCluster
  readonly #role: Role
  readonly #task: Task
  #next: number

  constructor(cluster: MemoryCluster, role: Role, task: Task, context: MemoryContext, next: number) {
    this.#cluster = cluster
    this.#role = role
    this.#task = task
    this.context = context
    this.#next = next
  }

  /** Hands over the next records; returns how many. */
  async step(maxRecords = 1000): Promise<number> {
    const log = this.#cluster.partition(this.#role.from, this.context.partition)
    const records = log.slice(this.#next, this.#next + maxRecords)
    if (records.length === 0) return 0
    const nextOffset = this.#next + records.length
    this.#cluster.readSideTables(this.#role)
    await this.#task.process(this.#batch(records, nextOffset, log.length - nextOffset))
    this.#next = nextOffset
    return records.length
  }

  /** Hands over everything there is, with a tick after each batch. */
  async drain(maxRecords = 1000): Promise<void> {
    while ((await this.step(maxRecords)) > 0) await this.tick()
  }

  async tick(): Promise<void> {
    this.#cluster.readSideTables(this.#role)
    await this.#task.tick?.()
  }

  async stop(): Promise<void> {
    this.context.abort()
    await this.#task.stop?.()
  }

  #batch(records: readonly InRecord[], nextOffset: number, lag: number): InBatch {
    if (this.#role.slabs !== true) return { records, slabs: [], nextOffset, lag }
    const out = records.map(({ key, value }) => ({ key, value }))
    return { records: [], slabs: [{ ...encodeSlab(out), baseOffset: this.#next, from: this.#next, nextOffset }], nextOffset, lag }
  }
}
