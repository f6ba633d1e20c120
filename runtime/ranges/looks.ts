/**
 * Looks of a process at a target that may be slow: one at a time, because several at once would only slow each other. A look is asked in
 * pieces; a piece that fails is asked again with half the places, and what was too much once is not asked again in that look.
 */

/** How a look is cut. */
export interface LookPieces<Place> {
  /** Places in one question, at most. */
  readonly mostPlaces: number
  /** Weight of the places of one question, at most; one place is asked for whatever it weighs. */
  readonly mostWeight: number
  weightOf(place: Place): number
}

/** One look. */
export interface Look<Place> {
  readonly places: readonly Place[]
  /** Comes once, before the first piece. */
  begin?(): Promise<void>
  /** Asks for some places; rejects on a time-out. */
  ask(piece: readonly Place[]): Promise<void>
  /** Told of each piece that failed. */
  failed(): void
}

/** The looks of a process. */
export class Looks<Place> {
  readonly #pieces: LookPieces<Place>
  #turn: Promise<unknown> = Promise.resolve()
  #placesAtOnce: number

  constructor(pieces: LookPieces<Place>) {
    this.#pieces = pieces
    this.#placesAtOnce = pieces.mostPlaces
  }

  /**
   * Asks for all places, when it is the look's turn.
   *
   * @param signal Ended: no further piece is asked.
   * @throws The error of a piece of one place.
   */
  run(look: Look<Place>, signal?: AbortSignal): Promise<void> {
    const done = this.#turn.then(() => this.#run(look, signal))
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #run(look: Look<Place>, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    await look.begin?.()
    const { places } = look
    for (let at = 0; at < places.length;) {
      signal?.throwIfAborted()
      const piece = this.#pieceOf(places, at)
      try {
        await look.ask(piece)
        at += piece.length
      } catch (error) {
        look.failed()
        if (piece.length === 1) throw error
        this.#placesAtOnce = Math.ceil(piece.length / 2)
      }
    }
    this.#placesAtOnce = Math.min(this.#pieces.mostPlaces, this.#placesAtOnce * 2)
  }

  #pieceOf(places: readonly Place[], at: number): Place[] {
    const piece: Place[] = []
    let weight = 0
    for (const place of places.slice(at, at + this.#placesAtOnce)) {
      weight += this.#pieces.weightOf(place)
      if (piece.length > 0 && weight > this.#pieces.mostWeight) break
      piece.push(place)
    }
    return piece
  }
}
