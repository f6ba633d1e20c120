/** How often the task of a partition has failed without getting anywhere, and what follows from it. */
import type { Log } from '../log.ts'
import { errorText } from '../errors.ts'
import type { Task } from '../task.ts'
import { lagLabels, tasksFailing } from './metrics.ts'

/** How a task gets on. */
export class TaskCourse {
  /** Unix milliseconds. */
  readonly startedMs: number
  /** It is at work on input, or has not come to its work yet. */
  busy = true
  /** It was given input. What it has to do with it may come later, in `tick`. */
  hasInput = false
  /** It has committed a position behind the one it began at, or a part of the work on the record there. */
  advanced = false
  #ticking = false
  #offset: number | undefined

  constructor(startedMs = Date.now()) {
    this.startedMs = startedMs
  }

  /** The task takes input from this offset on. */
  begin(offset: number): void {
    this.#offset = offset
    this.busy = false
  }

  /** Calls `tick`: what a task does there is work, and stays so if it fails. */
  async tick(task: Pick<Task, 'tick'>): Promise<void> {
    this.#ticking = true
    await task.tick?.()
    this.#ticking = false
  }

  /** @param position null: a part of the work on the first record. */
  committed(position: { readonly offset: number } | null): void {
    if (this.#offset !== undefined && (position === null || position.offset > this.#offset)) this.advanced = true
  }

  /** True if the task got on, or had nothing to do for a while. Input that is taken in and not committed is something to do. */
  isSound(nowMs: number): boolean {
    const isIdle = !this.busy && !this.#ticking && !this.hasInput
    return this.advanced || (isIdle && nowMs - this.startedMs > soundMs)
  }
}

/** A task that has worked as long as this and had nothing to do is sound. */
const soundMs = 30_000

/** So many failures without progress: a person should look. */
const stuckFailures = 5

/** The longest wait, in multiples of the first. */
const longestWait = 60

/** Counts the failures in a row of one partition's task, and says how long the next start waits. */
export class TaskFailures {
  readonly #labels: { role: string; partition: string }
  #count = 0
  #sinceMs = 0

  constructor(role: string, partition: number) {
    this.#labels = lagLabels(role, partition)
  }

  /** True if the partition makes no progress although its task was started again and again. */
  isStuck(course: TaskCourse, nowMs: number): boolean {
    return this.#count >= stuckFailures && !course.isSound(nowMs)
  }

  /**
   * Notes that a task failed.
   *
   * @returns How long to wait before the next one starts, in multiples of the first wait: 1, 2, 3 and so on to 20, then 40 and 60.
   */
  failed(course: TaskCourse, nowMs: number, error: unknown, log: Log): number {
    if (this.#count === 0 || course.isSound(nowMs)) {
      this.#count = 0
      this.#sinceMs = course.startedMs
    }
    this.#count++
    tasksFailing.set(this.#labels, this.#count)
    const fields = { task: `${this.#labels.role}/${this.#labels.partition}`, error: errorText(error), failures: this.#count }
    if (this.#count < stuckFailures) log.warn(fields, 'task failed; starting again from what is committed')
    else
      log.error(
        { ...fields, standsS: Math.round((nowMs - this.#sinceMs) / 1000) },
        'partition makes no progress: its task fails again and again; starting again from what is committed',
      )
    return this.#count <= 20 ? this.#count : Math.min(longestWait, 20 * 2 ** (this.#count - 20))
  }

  /** Forgets the failures if the task that runs now gets on. */
  watch(course: TaskCourse, nowMs: number): void {
    if (this.#count > 0 && course.isSound(nowMs)) this.forget()
  }

  /** The partition is somebody else's, or its task gets on. */
  forget(): void {
    this.#count = 0
    tasksFailing.remove(this.#labels)
  }
}
