/** Rests between pieces of work, so that no call holds up the event loop: heartbeats, probes and the other roles go on. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Work between two rests: a few milliseconds. */
const restAfter = 10_000

/** Counts work: stays, runs, ranges. */
export class Pace {
  #done = 0

  /** True if it is time to rest. */
  isDue(work: number): boolean {
    this.#done += work
    return this.#done >= restAfter
  }

  /** Lets everything else go on. */
  async rest(): Promise<void> {
    this.#done = 0
    await nextTurn()
  }
}
