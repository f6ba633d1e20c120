/** Bounds how many inserts a process has under way, and with them what each needs: a buffer, a connection. */

/** A fixed number of lanes, given out in the order of asking. */
export class Lanes<Lane> {
  readonly #free: Lane[]
  readonly #waiting: ((lane: Lane) => void)[] = []
  readonly #create: () => Lane

  /** @param create Makes what belongs to a lane. */
  constructor(lanes: number, create: () => Lane) {
    this.#create = create
    this.#free = Array.from({ length: lanes }, create)
  }

  #turn(): Promise<Lane> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  /** Runs `work` with a lane of its own. After an error what belonged to the lane is left to whatever still uses it, and made anew. */
  async use<T>(work: (lane: Lane) => Promise<T>): Promise<T> {
    let lane = this.#free.length > 0 ? (this.#free.pop() as Lane) : await this.#turn()
    try {
      return await work(lane)
    } catch (error) {
      lane = this.#create()
      throw error
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free.push(lane)
      else next(lane)
    }
  }
}
