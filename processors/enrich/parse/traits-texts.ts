/**
 * Text of traits (protocol, action, flags, direction ...): rows have few distinct combinations, so each is parsed once. Adjacent trait columns of
 * a line form a span; the bytes of all spans of a line are the key.
 */
import { TraitsDictionary } from '../../../flow/traits-dictionary.ts'
import { mostOf, noTraits, traitKind, type TraitField, type TraitValues } from '../../../flow/traits.ts'
import type { ColumnPlan } from './column-plan.ts'
import { faultNumber, type LineFaultReason } from './line-faults.ts'
import { SpanDictionary } from './span-dictionary.ts'
import { isText, tokensOf } from './tokens.ts'

function valueOf(field: TraitField, token: string): string | number | null | { reason: LineFaultReason } {
  if (token === '-') return null
  const kind = traitKind(field)
  if (kind === 'number') {
    if (!/^[0-9]+$/.test(token)) return { reason: 'bad-number' }
    return Number(token) > mostOf(field) ? { reason: 'number-too-large' } : Number(token)
  }
  return kind === 'text' || field.kept.symbols!.includes(token) ? token : { reason: field.kept.fault! }
}

/** The traits of one column plan. Ids are those of the dictionary (0: the plan has no trait). Bounded by its owner. */
export class TraitsTexts {
  readonly spans: SpanDictionary
  readonly dictionary = new TraitsDictionary()
  /** Fault number by id, 0 for none, and the column that has it. */
  fault = new Uint8Array(64)
  faultColumn = new Int32Array(64)
  readonly #plan: ColumnPlan

  constructor(plan: ColumnPlan) {
    this.#plan = plan
    this.spans = new SpanDictionary(plan.traitSpans.length)
  }

  /** Entries so far. */
  get count(): number {
    return this.spans.count
  }

  /** Parses the bytes of a new entry; called with ids in the order of their appearance. */
  add(id: number): void {
    const values: TraitValues = { ...noTraits }
    let fault = 0
    let faultColumn = -1
    const refuse = (reason: LineFaultReason, column: number): void => {
      if (fault === 0) [fault, faultColumn] = [faultNumber(reason), column]
    }
    this.#plan.traitSpans.forEach((columns, span) => {
      const bytes = this.spans.bytesOf(id, span)
      if (!isText(bytes)) {
        refuse('invalid-utf8', columns[0]!)
        return
      }
      tokensOf(bytes).forEach((token, i) => {
        const field = this.#plan.fields[columns[i]!] as TraitField
        const value = valueOf(field, token)
        if (typeof value === 'object' && value !== null) refuse(value.reason, columns[i]!)
        else Object.assign(values, { [field.record]: value })
      })
    })
    this.dictionary.add(values)
    if (id >= this.fault.length) this.#grow(2 * id)
    this.fault[id] = fault
    this.faultColumn[id] = faultColumn
  }

  #grow(length: number): void {
    const fault = new Uint8Array(length)
    fault.set(this.fault)
    this.fault = fault
    const faultColumn = new Int32Array(length)
    faultColumn.set(this.faultColumn)
    this.faultColumn = faultColumn
  }
}
