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

/** The same of failures that last side by side, such as those of several roles: each is told once. */
export class EachToldOnce {
  readonly #told = new Map<string, number>()

  /** Whether a text is to be told: it was not told before, or long ago. @param nowMs Unix milliseconds. */
  isNews(text: string, nowMs: number): boolean {
    for (const [told, ms] of this.#told) if (isOver(ms, nowMs, retellMs)) this.#told.delete(told)
    if (this.#told.has(text)) return false
    this.#told.set(text, nowMs)
    return true
  }
}
