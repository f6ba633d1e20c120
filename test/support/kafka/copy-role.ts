/** A small role for tests of the runtime: copies each arrival to raw-lines of the same partition, in transactions with its position. */
import { openSession, type Session } from '../../../operations/session.ts'
import { RoleRunner } from '../../../runtime/kafka/role-runner.ts'
import type { InBatch, InRecord } from '../../../runtime/records.ts'
import type { Role, Task, TaskContext } from '../../../runtime/task.ts'
import { topics } from '../../../schemas/topics.ts'
import { Lab } from './kafka-lab.ts'
import { freshSettings } from '../../../harness/live-stack.ts'

/** What may be different from the plain copying. */
export interface CopyOptions {
  /** Called before a batch is copied. */
  readonly before?: (context: TaskContext, batch: InBatch) => Promise<void> | void
  /** Called after a batch is sent; then the commit is left out. */
  readonly insteadOfCommit?: () => void
  readonly restore?: (record: InRecord, context: TaskContext) => void
  readonly restartMs?: number
}

/** A deployment with one partition in all topics that the role uses. */
export class CopyBench {
  readonly session: Session
  readonly lab: Lab
  /** Every task that was made. */
  readonly tasks: TaskContext[] = []
  readonly #runners: RoleRunner[] = []
  readonly #loadSchema: Session['registry']['loadSchema']

  constructor(session: Session, loadSchema?: Session['registry']['loadSchema']) {
    this.session = session
    this.lab = new Lab(session.config)
    this.#loadSchema = loadSchema ?? (id => session.registry.loadSchema(id))
  }

  static async open(kafka: Record<string, unknown> = {}, loadSchema?: Session['registry']['loadSchema']): Promise<CopyBench> {
    const overrides = await freshSettings({ kafka: { partitions: 1, fewPartitions: 1, ...kafka } })
    return new CopyBench(await openSession({ overrides }, new AbortController().signal), loadSchema)
  }

  /** A runner of the role; `close` stops it. */
  runner(options: CopyOptions = {}): RoleRunner {
    const { restore } = options
    const role: Role = {
      name: 'copy',
      from: 'objectArrivals',
      to: ['rawLines'],
      ...(restore === undefined ? {} : { state: 'objects' as const }),
      createTask: (context): Task => {
        this.tasks.push(context)
        return {
          ...(restore === undefined ? {} : { restore: record => restore(record, context) }),
          async process(batch) {
            await options.before?.(context, batch)
            const copies = batch.records.map(({ key, value }) => ({ key, value }))
            await context.send(topics.rawLines, context.partition, copies)
            if (options.insteadOfCommit !== undefined) options.insteadOfCommit()
            else await context.commit({ offset: batch.nextOffset, metadata: '' })
          },
        }
      },
    }
    const runner = new RoleRunner(role, { ...this.session, loadSchema: this.#loadSchema, taskRestartMs: options.restartMs ?? 20 })
    runner.failed.catch(() => undefined)
    this.#runners.push(runner)
    return runner
  }

  /** Writes arrivals, a transaction each. */
  async produce(from: number, count: number, pauseMs = 0): Promise<void> {
    const producer = await this.lab.plain()
    for (let i = from; i < from + count; i++) {
      await producer.send({ topic: this.lab.nameOf(topics.objectArrivals), messages: [{ partition: 0, key: null, value: `${i}` }] })
      if (pauseMs > 0) await new Promise(resolve => setTimeout(resolve, pauseMs))
    }
  }

  /** What was copied and committed. */
  async copied(): Promise<number[]> {
    return (await this.lab.read(topics.rawLines)).map(({ value }) => Number(value))
  }

  async committed(): Promise<number> {
    return (await this.session.cluster.committedPosition('copy', 'objectArrivals', 0)).offset
  }

  async close(): Promise<void> {
    for (const runner of this.#runners) await runner.stop()
    await this.lab.close()
    await this.session.cluster.close()
  }
}

/** 0, 1, 2 ... */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
