/** The parsers of a process: one per header line and object default, kept from block to block. */
import { AddressDictionary } from '../../flow/address-dictionary.ts'
import { compileColumns, type ColumnPlan } from './parse/column-plan.ts'
import type { ObjectDefaults } from './parse/observer-texts.ts'
import { LineParser } from './parse/line-parser.ts'

/** Bounds of what is kept; what is longest unused goes. */
export interface ParserBounds {
  /** Most parsers, each bounded by itself (line-parser.ts): an organisation has one for each of its accounts and regions. */
  readonly parsers: number
  /** Most bytes of all. So many parsers as `few` are kept whatever they take. */
  readonly bytes: number
  readonly few: number
  /** Header lines that are kept compiled. */
  readonly plans: number
}
const usualBounds: ParserBounds = { parsers: 4096, bytes: 536_870_912, few: 64, plans: 64 }
/** Parsers grow in between: the bytes are counted again after so many blocks. */
const blocksBetweenCounts = 256

/** Finds or makes the parser of a block. */
export class Parsers {
  readonly addresses: AddressDictionary
  readonly #bounds: ParserBounds
  readonly #parsers = new Map<string, LineParser>()
  readonly #plans = new Map<string, ColumnPlan>()
  #uncounted = 0

  /** @param dictionaryEntries Most addresses in each generation of the dictionary that all parsers share. */
  constructor(dictionaryEntries: number, bounds = usualBounds) {
    this.addresses = new AddressDictionary(dictionaryEntries)
    this.#bounds = bounds
  }

  /** Parsers kept. */
  get size(): number {
    return this.#parsers.size
  }

  /** Contexts in all parsers. */
  get contexts(): number {
    return [...this.#parsers.values()].reduce((sum, parser) => sum + parser.observers.count, 0)
  }

  /**
   * The parser of a header line.
   *
   * @param defaults What the object key or its source says, for lines that do not say it themselves.
   * @returns undefined if the header line has no documented field.
   */
  parserOf(headerLine: string, defaults: ObjectDefaults): LineParser | undefined {
    const key = `${headerLine}\n${defaults.accountId ?? ''}\n${defaults.region ?? ''}\n${defaults.scope ?? ''}`
    if (++this.#uncounted >= blocksBetweenCounts) this.#shrink()
    const known = this.#parsers.get(key)
    if (known !== undefined && !known.full) {
      this.#parsers.delete(key)
      this.#parsers.set(key, known)
      return known
    }
    const plan = this.#planOf(headerLine)
    if (plan === undefined) return undefined
    const parser = new LineParser(plan, defaults, this.addresses)
    this.#parsers.delete(key)
    this.#parsers.set(key, parser)
    if (this.#parsers.size > this.#bounds.parsers) this.#shrink()
    return parser
  }

  #planOf(headerLine: string): ColumnPlan | undefined {
    const plan = this.#plans.get(headerLine) ?? compileColumns(headerLine)
    if (plan === undefined) return undefined
    this.#plans.delete(headerLine)
    this.#plans.set(headerLine, plan)
    if (this.#plans.size > this.#bounds.plans) this.#plans.delete(this.#plans.keys().next().value!)
    return plan
  }

  /** Forgets parsers from the one longest unused on until the others are within the bounds. */
  #shrink(): void {
    this.#uncounted = 0
    const { parsers, bytes, few } = this.#bounds
    let sum = 0
    for (const parser of this.#parsers.values()) sum += parser.bytes
    for (const [key, parser] of this.#parsers) {
      if (this.#parsers.size <= few || (this.#parsers.size <= parsers && sum <= bytes)) return
      this.#parsers.delete(key)
      sum -= parser.bytes
    }
  }
}
