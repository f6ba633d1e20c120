/** A role that reads a range of its input only, for a replay. */
import { whenAborted } from '../../runtime/abort.ts'
import { FlowError } from '../../runtime/errors.ts'
import type { OffsetRange } from '../../runtime/kafka/cluster.ts'
import type { InBatch, InRecord } from '../../runtime/records.ts'
import type { Position, Role, Task, TaskContext } from '../../runtime/task.ts'
import { rawLineHeaders } from '../../schemas/topics.ts'
import { readingRole, startMark } from './plan.ts'

/**
 * True for a line that was sent back to raw-lines and stands in an earlier block too: that block gives it to the code of today. A line that the
 * fetcher had refused stands nowhere else.
 */
export const standsElsewhere = ({ headers }: InRecord): boolean => headers[rawLineHeaders.refusedBy]?.toString() === readingRole.name

/**
 * Bounds a role that takes records (no slabs) to ranges of its input. A task whose range has ended commits and takes no more, so that nothing
 * more is fetched for it.
 *
 * @param name Name of the replay, for errors.
 */
export function boundRole(role: Role, ranges: ReadonlyMap<number, OffsetRange>, name: string): Role {
  return {
    ...role,
    createTask: context => new BoundedTask(role.createTask(context), context, ranges.get(context.partition) ?? { start: 0, end: 0 }, name),
  }
}

class BoundedTask implements Task {
  readonly #inner: Task
  readonly #context: TaskContext
  readonly #range: OffsetRange
  readonly #name: string

  constructor(inner: Task, context: TaskContext, range: OffsetRange, name: string) {
    this.#inner = inner
    this.#context = context
    this.#range = range
    this.#name = name
  }

  async start(position: Position): Promise<void> {
    const { start, end } = this.#range
    // a forgotten position would read the live topic from its beginning
    if (position.offset < start || (position.offset === start && start < end && position.metadata !== startMark))
      throw new FlowError('REPLAY_LOST', { name: this.#name, partition: this.#context.partition })
    await this.#inner.start?.(position)
  }

  async process(batch: InBatch): Promise<void> {
    const { end } = this.#range
    const records = batch.records.filter(record => record.offset < end && !standsElsewhere(record))
    await this.#inner.process({ ...batch, records, nextOffset: Math.min(batch.nextOffset, end) })
    if (batch.nextOffset < end) return
    await this.#inner.stop?.()
    // meanwhile the runner holds what it has fetched ahead and fetches no more
    await whenAborted(this.#context.signal)
  }

  async tick(): Promise<void> {
    await this.#inner.tick?.()
  }

  async stop(): Promise<void> {
    await this.#inner.stop?.()
  }
}
