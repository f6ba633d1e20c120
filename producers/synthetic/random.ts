/** Seeded random numbers: the same seed gives the same sequence on every machine. Not for secrets. */

/** FNV-1a over text, to make seeds out of names. */
export function seedOf(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5
  for (const part of parts)
    for (const char of `${part}/`) {
      hash ^= char.charCodeAt(0)
      hash = Math.imul(hash, 0x01000193)
    }
  return hash >>> 0
}

/** Mulberry32 with the draws that the generator needs. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Whole number of 32 bits. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }

  /** 0 up to, not including, 1. */
  share(): number {
    return this.next() / 0x1_0000_0000
  }

  /** Whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    return Math.floor(this.share() * limit)
  }

  /** Whole number, both ends included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  /** Prefers small numbers strongly: few talk much, many talk little. */
  skewed(limit: number): number {
    return Math.floor(limit * this.share() ** 3)
  }

  /** Long-tailed size around `middle`. */
  size(middle: number): number {
    return Math.max(1, Math.round(middle * Math.exp((this.share() + this.share() + this.share() - 1.5) * 2.2)))
  }

  hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += this.next().toString(16).padStart(8, '0')
    return text.slice(0, digits)
  }
}
