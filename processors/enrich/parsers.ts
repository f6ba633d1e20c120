/** The parsers of a process: one per header line and object default, kept from block to block. */
import { AddressDictionary } from '../../flow/address-dictionary.ts'
import { compileColumns, type ColumnPlan } from './parse/column-plan.ts'
import type { ObjectDefaults } from './parse/observer-texts.ts'
import { LineParser } from './parse/line-parser.ts'

/** Most parsers kept; the one longest unused goes. Each is bounded by itself (line-parser.ts). */
const maxParsers = 64

/** Finds or makes the parser of a block. */
export class Parsers {
  readonly addresses: AddressDictionary
  readonly #parsers = new Map<string, LineParser>()

  /** @param dictionaryEntries Most addresses in each generation of the dictionary that all parsers share. */
  constructor(dictionaryEntries: number) {
    this.addresses = new AddressDictionary(dictionaryEntries)
  }

  /** Contexts in all parsers. */
  get contexts(): number {
    return [...this.#parsers.values()].reduce((sum, parser) => sum + parser.observers.count, 0)
  }

  /**
   * The parser of a header line.
   *
   * @param defaults What the object key or its source says, for lines that do not say it themselves.
   * @returns undefined where the header line has no documented field.
   */
  parserOf(headerLine: string, defaults: ObjectDefaults): LineParser | undefined {
    const key = `${headerLine}\n${defaults.accountId ?? ''}\n${defaults.region ?? ''}\n${defaults.scope ?? ''}`
    const known = this.#parsers.get(key)
    if (known !== undefined && !known.full) {
      this.#parsers.delete(key)
      this.#parsers.set(key, known)
      return known
    }
    const plan: ColumnPlan | undefined = known?.plan ?? compileColumns(headerLine)
    if (plan === undefined) return undefined
    const parser = new LineParser(plan, defaults, this.addresses)
    this.#parsers.delete(key)
    this.#parsers.set(key, parser)
    if (this.#parsers.size > maxParsers) this.#parsers.delete(this.#parsers.keys().next().value!)
    return parser
  }
}
