/** Next hops and unknown columns: text that is neither context nor class, each with its own dictionary. */
import { flowFields } from '../../../schemas/flow-fields.ts'
import type { NextHopRecord } from '../../../schemas/flow-record.ts'
import type { ColumnPlan } from './column-plan.ts'
import { faultNumber } from './line-faults.ts'
import { SpanDictionary } from './span-dictionary.ts'
import { isText, textValue, tokensOf } from './tokens.ts'

const nextHopNames = flowFields.filter(field => field.role === 'next-hop').map(field => field.record.slice('nextHop.'.length))

/** Entries made of the text of some columns. Ids are 1, 2, 3 ...; 0 where the plan has no such column. Bounded by its owner. */
export class TextDictionary<T> {
  readonly spans: SpanDictionary
  /** Values by id; null where every column is absent. */
  readonly values: (T | null)[] = [null]
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
    const { spans } = this
    const tokens: string[] = []
    let valid = true
    for (let s = 0; s < spans.spans; s++) {
      const bytes = spans.bytesOf(id, s)
      valid &&= isText(bytes)
      tokens.push(...tokensOf(bytes))
    }
    this.values[id] = this.#valueOf(tokens)
    this.faults[id] = valid ? 0 : faultNumber('invalid-utf8')
  }
}

/** The next hops of a plan. */
export const createNextHops = (plan: ColumnPlan): TextDictionary<NextHopRecord> =>
  new TextDictionary(plan.nextHopSpans, tokens => {
    const values = Object.fromEntries(nextHopNames.map(name => [name, null as string | null]))
    plan.nextHopColumns.forEach((column, i) => (values[plan.fields[column]!.record.slice('nextHop.'.length)] = textValue(tokens[i]!)))
    return Object.values(values).every(value => value === null) ? null : (values as unknown as NextHopRecord)
  })

/** The unknown columns of a plan by name; absent ones are left out. */
export const createExtras = (plan: ColumnPlan): TextDictionary<Record<string, string>> =>
  new TextDictionary(plan.extraSpans, tokens => {
    const entries = plan.extraNames.map((name, i) => [name, tokens[i]!] as const).filter(([, token]) => token !== '-')
    return entries.length === 0 ? null : Object.fromEntries(entries)
  })
