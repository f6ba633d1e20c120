/** Runs a role in this process: joins its group and keeps one task per assigned partition alive. */
import { setTimeout as sleep } from 'node:timers/promises'
import { topics } from '../../schemas/topics.ts'
import type { Codecs, WriterSchemas } from '../avro.ts'
import { errorText, flowErrorOf, FlowError } from '../errors.ts'
import type { AvroRecord } from '../../schemas/avro-types.ts'
import type { AtPoint, Role } from '../task.ts'
import type { Cluster } from './cluster.ts'
import { lagLabels, lagRecords } from './metrics.ts'
import type { Feed } from './feed.ts'
import { Membership } from './membership.ts'
import { PartitionRunner } from './partition-runner.ts'
import { SideTables, type RoleTables } from './side-tables.ts'
import { TaskFailures } from './task-failures.ts'

/** What the runners of a process share. */
export interface RunnerOptions {
  readonly cluster: Cluster
  readonly codecs: Codecs
  readonly writers: WriterSchemas
  /** Loads a schema by id from the registry. */
  loadSchema(id: number): Promise<AvroRecord>
  /** Wait before a failed task starts again, in milliseconds; grows to 60 times that while it fails without progress. */
  readonly taskRestartMs: number
  /** The side tables of the process; without them the role has its own. */
  readonly sideTables?: SideTables
  readonly atPoint?: AtPoint
}

/** How often it is looked whether a task that failed before gets on now. */
const watchMs = 1000

/** One role in this process, with a task for each partition that its membership gives it. */
export class RoleRunner {
  readonly role: Role
  /** Of the role. */
  readonly name: string
  readonly #options: RunnerOptions
  readonly #membership: Membership
  readonly #input: string
  readonly #state: string | undefined
  readonly #runners = new Map<number, PartitionRunner>()
  readonly #supervised = new Map<number, Promise<void>>()
  readonly #failures = new Map<number, TaskFailures>()
  #wanted = new Set<number>()
  #tables: RoleTables | undefined
  /** A task failed for good: nothing is started any more. */
  #failedForGood = false
  readonly #stopping = new AbortController()
  /** Rejects with the error that a person must look at. */
  readonly failed: Promise<never>
  #fail!: (error: unknown) => void

  constructor(role: Role, options: RunnerOptions) {
    this.role = role
    this.name = role.name
    this.#options = options
    const { cluster } = options
    this.#input = cluster.topicName(topics[role.from])
    this.#state = role.state === undefined ? undefined : cluster.topicName(topics[role.state])
    const names = this.#state === undefined ? [this.#input] : [this.#input, this.#state]
    this.failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
    this.#membership = new Membership(cluster, role, names, cluster.partitionsOf(topics[role.from]), {
      assigned: partitions => this.#assigned(partitions),
      fetched: (topic, partition, batch) => {
        const runner = this.#runners.get(partition)
        if (runner === undefined) return false
        return topic === this.#input ? runner.offer(batch) : runner.restore(batch)
      },
      skipped: (topic, partition, nextOffset, lag) => {
        const runner = this.#runners.get(partition)
        if (topic === this.#input) runner?.skip(nextOffset, lag)
        else runner?.skipState(nextOffset)
      },
    })
    this.#membership.failed.catch((error: unknown) => this.#fail(error))
  }

  /** Begins to read the side tables and joins the group. */
  async start(): Promise<void> {
    const { sideTables } = this.role
    if (sideTables !== undefined) {
      const ofProcess = this.#options.sideTables ?? new SideTables(this.#options)
      this.#tables = ofProcess.acquire(sideTables, error => this.#giveUp(error))
    }
    await this.#membership.start()
  }

  /** True while the process is a member and every task of its partitions works and gets on. */
  get ready(): boolean {
    return this.#membership.joined && [...this.#wanted].every(partition => this.#getsOn(partition))
  }

  #getsOn(partition: number): boolean {
    const runner = this.#runners.get(partition)
    if (runner?.running !== true) return false
    return this.#failures.get(partition)?.isStuck(runner.course, Date.now()) !== true
  }

  #assigned(partitions: readonly number[]): void {
    const ended = this.#stopping.signal.aborted || this.#failedForGood
    this.#wanted = new Set(ended ? [] : partitions.filter(partition => !this.#membership.leaving || this.#supervised.has(partition)))
    for (const [partition, runner] of this.#runners) if (!this.#wanted.has(partition)) runner.end('moved')
    for (const partition of this.#wanted) {
      const runner = this.#runners.get(partition)
      if (runner !== undefined && !runner.signal.aborted) runner.resumeAfterRejoin()
      else if (!this.#supervised.has(partition)) this.#keepRunning(partition)
    }
  }

  #keepRunning(partition: number): void {
    const supervised = this.#supervise(partition)
      .catch((error: unknown) => this.#giveUp(error))
      .finally(() => {
        this.#supervised.delete(partition)
        this.#failures.get(partition)?.forget()
        this.#failures.delete(partition)
        lagRecords.remove(lagLabels(this.role.name, partition))
        if (this.#wanted.has(partition)) this.#keepRunning(partition)
      })
    this.#supervised.set(partition, supervised)
  }

  #giveUp(error: unknown): void {
    this.#failedForGood = true
    this.#wanted = new Set()
    this.#fail(error)
  }

  /** Starts the task of a partition again and again while the partition is ours. */
  async #supervise(partition: number): Promise<void> {
    const { cluster, taskRestartMs } = this.#options
    const failures = new TaskFailures(this.role.name, partition)
    this.#failures.set(partition, failures)
    while (this.#wanted.has(partition)) {
      const runner = new PartitionRunner(this.role, partition, { ...this.#options, tables: this.#tables }, this.#feed(partition))
      this.#runners.set(partition, runner)
      const watching = setInterval(() => failures.watch(runner.course, Date.now()), watchMs)
      const ended = await runner.ended.finally(() => clearInterval(watching))
      if (this.#runners.get(partition) === runner) this.#runners.delete(partition)
      const error = await this.#learnSchema(ended)
      if (error === undefined) continue
      const fault = flowErrorOf(error)
      if (fault?.retriable === false) {
        cluster.log.error({ task: runner.name, code: fault.code, error: fault.message }, 'task stopped for good')
        this.#giveUp(fault)
        return
      }
      const waits = failures.failed(runner.course, Date.now(), error, cluster.log)
      void this.#reportLag(partition)
      await this.#wait(partition, taskRestartMs * waits)
    }
  }

  /** Waits while the partition is ours: a successor must not be kept waiting by a task that is away. */
  async #wait(partition: number, ms: number): Promise<void> {
    const untilMs = Date.now() + ms
    for (let leftMs = ms; leftMs > 0 && this.#wanted.has(partition); leftMs = untilMs - Date.now())
      await sleep(Math.min(leftMs, 1000), undefined, { signal: this.#stopping.signal }).catch(() => undefined)
  }

  /** A task that fails again and again reads nothing: its lag grows all the same. Where the broker does not answer, the last figure stays. */
  async #reportLag(partition: number): Promise<void> {
    const { cluster } = this.#options
    try {
      const { offset } = await cluster.committedPosition(this.role, this.role.from, partition)
      const { end } = await cluster.limits(topics[this.role.from], partition)
      if (this.#supervised.has(partition) && this.#runners.get(partition)?.running !== true)
        lagRecords.set(lagLabels(this.role.name, partition), Math.max(0, end - offset))
    } catch (error) {
      cluster.log.debug({ role: this.role.name, partition, error: errorText(error) }, 'lag is not known')
    }
  }

  /** A record of another writer: loads its schema. @returns What is left of the error; undefined if that was the trouble. */
  async #learnSchema(error: unknown): Promise<unknown> {
    if (!(error instanceof FlowError) || error.code !== 'REGISTRY_SCHEMA_UNKNOWN') return error
    const id = Number(error.details['id'])
    if (!Number.isInteger(id) || this.#options.writers.has(id)) return error
    try {
      this.#options.writers.set(id, await this.#options.loadSchema(id))
      return undefined
    } catch (cause) {
      return cause
    }
  }

  #feed(partition: number): Feed {
    const members = this.#membership
    const state = this.#state ?? ''
    const current = (): boolean => this.#membership.assigned.includes(partition)
    const when = (call: () => void) => (): void => {
      if (current()) call()
    }
    return {
      seekInput: offset => members.seek(this.#input, partition, offset),
      seekState: offset => members.seek(state, partition, offset),
      pauseInput: when(() => members.pause(this.#input, partition)),
      resumeInput: when(() => members.resume(this.#input, partition)),
      pauseState: when(() => members.pause(state, partition)),
      resumeState: when(() => members.resume(state, partition)),
    }
  }

  /** Begins no task any more; those that run go on until `stop`. */
  prepareStop(): void {
    this.#membership.prepareStop()
  }

  /** Stops the tasks, then leaves the group. */
  async stop(): Promise<void> {
    this.prepareStop()
    this.#stopping.abort()
    this.#wanted = new Set()
    for (const runner of this.#runners.values()) runner.end('stopped')
    await Promise.all(this.#supervised.values())
    await this.#membership.stop()
    await this.#tables?.release()
  }
}
