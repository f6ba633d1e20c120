/** Text of observers: all observer columns of a line (interface, VPC, instance ...) as one entry, read once. */
import { ObserverDictionary } from '../../../flow/observer-dictionary.ts'
import { emptyGroup, impliedOrigin, noObserver, observerGroups, type ObserverGroup, type ObserverValues } from '../../../flow/observers.ts'
import { grown } from '../../../flow/typed-arrays.ts'
import type { ColumnPlan } from './column-plan.ts'
import { SpanDictionary } from './span-dictionary.ts'
import { readEntry, textValue } from './tokens.ts'

/** What the object key, else the source of the object, says where the line says nothing. */
export interface ObjectDefaults {
  readonly accountId: string | null
  readonly region: string | null
  /** Only from the source. */
  readonly scope?: string | null
}

const emptyGroups = Object.fromEntries(observerGroups.map(group => [group, emptyGroup(group)])) as Record<ObserverGroup, object>

/** Tag values are percent-encoded UTF-8; what does not decode stays as it is. */
function percentDecoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** AWS writes this if it cannot tell the account. It is not an account: it would join those that it stands for. */
const unknownAccount = 'unknown'
const regionalGateway = 'regional_nat_gateway'

/** Fields that only a log of a transit gateway has. */
const transitVersion = 6

/** The observers of one column plan and one object default. Ids are those of the dictionary; bounded by its owner. */
export class ObserverTexts {
  readonly spans: SpanDictionary
  readonly dictionary: ObserverDictionary
  /** Fault number by id, 0 for none. */
  fault = new Uint8Array(64)
  readonly #plan: ColumnPlan
  readonly #defaults: ObjectDefaults

  constructor(plan: ColumnPlan, defaults: ObjectDefaults) {
    this.#plan = plan
    this.#defaults = defaults
    const transit = !plan.has('interface-id') && plan.fields.some(field => field?.version === transitVersion)
    this.dictionary = new ObserverDictionary(transit)
    this.spans = new SpanDictionary(plan.observerSpans)
  }

  /** Entries so far. */
  get count(): number {
    return this.spans.count
  }

  /** Reads the bytes of a new entry; called with ids in the order of their appearance. */
  add(id: number): void {
    const { tokens, fault } = readEntry(this.spans, id)
    const values = this.#valuesOf(tokens)
    this.dictionary.add(values, this.#hasNoSide(values))
    if (id >= this.fault.length) this.fault = grown(this.fault, new Uint8Array(2 * id))
    this.fault[id] = fault
  }

  #hasNoSide({ interfaceId, interfaceType, resourceId }: ObserverValues): boolean {
    if (interfaceId !== null) return false
    return this.#plan.has('interface-id') || interfaceType === regionalGateway || resourceId?.startsWith('nat-') === true
  }

  #valuesOf(tokens: readonly string[]): ObserverValues {
    const plan = this.#plan
    const named: Record<string, unknown> = {}
    const groups: Record<string, Record<string, string | null>> = {}
    plan.observerColumns.forEach((column, i) => {
      const [group, name] = plan.fields[column]!.record.split('.') as [string, string?]
      const value = textValue(tokens[i]!)
      if (name === undefined) named[group] = value
      else if (value !== null)
        (groups[group] ??= { ...emptyGroups[group as ObserverGroup] })[name] = group === 'tags' ? percentDecoded(value) : value
    })
    const values: ObserverValues = { ...noObserver, ...named, ...groups }
    const { accountId, region, scope = null } = this.#defaults
    if (values.accountId === unknownAccount) values.accountId = null
    values.accountId ??= accountId
    values.region ??= region
    values.scope = values.vpcId === null ? scope : null
    values.origin = this.dictionary.transit ? 'tgw' : impliedOrigin(values)
    return values
  }
}
