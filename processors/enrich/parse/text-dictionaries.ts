/** Next hops and unknown columns: text that is neither of an observer nor a trait, each with its own dictionary. */
import { emptyGroup } from '../../../flow/observers.ts'
import type { NextHopValues } from '../../../flow/flow-batch.ts'
import { ValueDictionary } from '../../../flow/value-dictionary.ts'
import type { ColumnPlan } from './column-plan.ts'
import { SpanDictionary } from './span-dictionary.ts'
import { readEntry, textValue } from './tokens.ts'

/** Entries made of the text of some columns. Ids are those of the dictionary; 0: the plan has no such column. Bounded by its owner. */
export class TextDictionary<T> {
  readonly spans: SpanDictionary
  /** Null if every column is absent. */
  readonly dictionary = new ValueDictionary<T>()
  readonly faults: number[] = [0]
  readonly #valueOf: (tokens: readonly string[]) => T | null

  constructor(spans: number, valueOf: (tokens: readonly string[]) => T | null) {
    this.spans = new SpanDictionary(spans)
    this.#valueOf = valueOf
  }

  /** Id of the text in the given spans. */
  idOf(bytes: Uint8Array, view: DataView, from: Int32Array, to: Int32Array): number {
    const known = this.spans.count
    const id = this.spans.find(bytes, view, from, to)
    if (id > known) this.#add(id)
    return id
  }

  #add(id: number): void {
    const { tokens, fault } = readEntry(this.spans, id)
    this.dictionary.add(this.#valueOf(tokens))
    this.faults[id] = fault
  }
}

/** The next hops of a plan. */
export const createNextHops = (plan: ColumnPlan): TextDictionary<NextHopValues> =>
  new TextDictionary(plan.nextHopSpans, tokens => {
    const values: Record<string, string | null> = emptyGroup('nextHop')
    plan.nextHopColumns.forEach((column, i) => (values[plan.fields[column]!.record.slice('nextHop.'.length)] = textValue(tokens[i]!)))
    return Object.values(values).every(value => value === null) ? null : (values as unknown as NextHopValues)
  })

/** The unknown columns of a plan by name; absent ones are left out. */
export const createExtras = (plan: ColumnPlan): TextDictionary<Record<string, string>> =>
  new TextDictionary(plan.extraSpans, tokens => {
    const entries = plan.extraNames.map((name, i) => [name, tokens[i]!] as const).filter(([, token]) => token !== '-')
    return entries.length === 0 ? null : Object.fromEntries(entries)
  })
