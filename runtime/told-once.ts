/** Failures that last are told once, and again after a while, so that a log is not filled with them. */
import { isOver } from './wall-clock.ts'

/** A failure that stays the same is told again after this time. */
const retellMs = 60_000

/** What was told last. */
export class ToldOnce {
  #text: string | undefined
  #ms = 0

  /** Whether a text is to be told: it is another one than before, or was told long ago. @param nowMs Unix milliseconds. */
  isNews(text: string, nowMs: number): boolean {
    if (this.#text === text && !isOver(this.#ms, nowMs, retellMs)) return false
    this.#text = text
    this.#ms = nowMs
    return true
  }
}
