/** Bounds how many inserts a process has under way, and with them the memory of encoded blocks: one buffer per lane. */
import { NativeWriter } from './native-writer.ts'

/** One insert's right of way, with the buffer it may encode into. */
export interface InsertLane {
  writer: NativeWriter
}

/** A fixed number of lanes, given out in the order of asking. */
export class InsertLanes {
  readonly #free: InsertLane[]
  readonly #waiting: ((lane: InsertLane) => void)[] = []

  constructor(lanes: number) {
    this.#free = Array.from({ length: lanes }, () => ({ writer: new NativeWriter() }))
  }

  /** Runs `work` with a lane of its own. After an error the buffer is left to whatever still sends it. */
  async use<T>(work: (lane: InsertLane) => Promise<T>): Promise<T> {
    const lane = this.#free.pop() ?? (await new Promise<InsertLane>(resolve => this.#waiting.push(resolve)))
    try {
      return await work(lane)
    } catch (error) {
      lane.writer = new NativeWriter()
      throw error
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(lane)
      else next(lane)
    }
  }
}
