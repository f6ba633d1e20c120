/** Cloud contexts: the text of all context columns of a line (interface, VPC, instance ...) as one dictionary entry. */
import type { EcsRecord, TagsRecord, TransitGatewayRecord } from '../../../schemas/flow-record.ts'
import { flowFields } from '../../../schemas/flow-fields.ts'
import type { ColumnPlan } from './column-plan.ts'
import { faultNumber } from './line-faults.ts'
import { SpanDictionary } from './span-dictionary.ts'
import { isText, textValue, tokensOf } from './tokens.ts'

/** Values of the context fields, as in the interface fragment of the flow record. */
export interface ContextValues {
  accountId: string | null
  interfaceId: string | null
  vpcId: string | null
  subnetId: string | null
  instanceId: string | null
  region: string | null
  azId: string | null
  sublocationType: string | null
  sublocationId: string | null
  resourceId: string | null
  interfaceType: string | null
  ecs: EcsRecord | null
  tags: TagsRecord | null
  transitGateway: TransitGatewayRecord | null
  /** What the source of the object names as the scope of addresses without a VPC. */
  scope: string | null
}

/** What the object key, else the source of the object, says where the line says nothing. */
export interface ObjectDefaults {
  readonly accountId: string | null
  readonly region: string | null
  /** Only from the source. */
  readonly scope?: string | null
}

type Groups = 'ecs' | 'tags' | 'transitGateway'
const emptyGroup = (group: string): Record<string, string | null> =>
  Object.fromEntries(
    flowFields.filter(field => field.record.startsWith(`${group}.`)).map(field => [field.record.slice(group.length + 1), null]),
  )
const emptyGroups: Record<Groups, Record<string, string | null>> = {
  ecs: emptyGroup('ecs'),
  tags: emptyGroup('tags'),
  transitGateway: emptyGroup('transitGateway'),
}

/** Tag values are percent-encoded UTF-8; what does not decode stays as it is. */
function percentDecoded(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What recorded the flow: interface, else resource, else transit gateway attachment. */
export const observerOf = (values: ContextValues): string | null =>
  values.interfaceId ?? values.resourceId ?? values.transitGateway?.attachmentId ?? null

/** Scope of the addresses of a context: the VPC, else what the source names, else account and region, else none. */
export function scopeOf({ vpcId, scope, accountId, region }: ContextValues): string | null {
  if (vpcId !== null || scope !== null) return vpcId ?? scope
  return accountId === null || region === null ? null : `${accountId}/${region}`
}

/** AWS writes this account where it cannot tell. It is no account, and would join those that it stands for. */
const unknownAccount = 'unknown'

/** Numbers for texts, by order of appearance; -1 for null. */
class Numbering {
  readonly #ids = new Map<string, number>()

  get count(): number {
    return this.#ids.size
  }

  of(text: string | null): number {
    if (text === null) return -1
    const known = this.#ids.get(text)
    if (known !== undefined) return known
    this.#ids.set(text, this.#ids.size)
    return this.#ids.size - 1
  }
}

/**
 * Number of an observation point without a side of its own: a regional NAT gateway has no interface, and its inner records have the address of
 * the peer outside where an interface would have its own.
 */
export const noSide = -2
const regionalGateway = 'regional_nat_gateway'

/** The contexts of one column plan and one object default. Ids are 1, 2, 3 ...; bounded by its owner. */
export class ContextDictionary {
  readonly spans: SpanDictionary
  /** True where a transit gateway observed, which has no side of its own: some field of version 6 and no interface. */
  readonly transit: boolean
  readonly values: ContextValues[] = []
  /** Fault number by id, 0 for none. */
  fault = new Uint8Array(64)
  /** Numbers of the observation point (or `noSide`), of the instance and of the scope of addresses, by context id; -1 where it is not known. */
  readonly observers: number[] = []
  readonly instances: number[] = []
  readonly scopes: number[] = []
  readonly #observerNumbers = new Numbering()
  readonly #instanceNumbers = new Numbering()
  readonly #scopeNumbers = new Numbering()
  readonly #plan: ColumnPlan
  readonly #defaults: ObjectDefaults

  constructor(plan: ColumnPlan, defaults: ObjectDefaults) {
    this.#plan = plan
    this.#defaults = defaults
    this.transit = !plan.has('interface-id') && plan.fields.some(field => field?.version === 6)
    this.spans = new SpanDictionary(plan.contextSpans)
  }

  get count(): number {
    return this.spans.count
  }

  /** Observation points so far: their numbers are below. */
  get observerCount(): number {
    return this.#observerNumbers.count
  }

  /** Parses the bytes of a new entry; called with ids in the order of their appearance. */
  add(id: number): void {
    const { spans } = this
    const tokens: string[] = []
    let valid = true
    for (let s = 0; s < spans.spans; s++) {
      const bytes = spans.bytesOf(id, s)
      valid &&= isText(bytes)
      tokens.push(...tokensOf(bytes))
    }
    const values = this.#valuesOf(tokens)
    this.values[id] = values
    this.observers[id] = this.#hasNoSide(values) ? noSide : this.#observerNumbers.of(observerOf(values))
    this.instances[id] = this.#instanceNumbers.of(values.instanceId)
    this.scopes[id] = this.#scopeNumbers.of(scopeOf(values))
    if (id >= this.fault.length) {
      const grown = new Uint8Array(2 * id)
      grown.set(this.fault)
      this.fault = grown
    }
    this.fault[id] = valid ? 0 : faultNumber('invalid-utf8')
  }

  #hasNoSide({ interfaceId, interfaceType, resourceId }: ContextValues): boolean {
    if (interfaceId !== null) return false
    return this.#plan.has('interface-id') || interfaceType === regionalGateway || resourceId?.startsWith('nat-') === true
  }

  #valuesOf(tokens: readonly string[]): ContextValues {
    const plan = this.#plan
    const values: Record<string, string | null> = {}
    const groups: Record<string, Record<string, string | null>> = {}
    plan.contextColumns.forEach((column, i) => {
      const [group, name] = plan.fields[column]!.record.split('.') as [string, string?]
      const value = textValue(tokens[i]!)
      if (name === undefined) values[group] = value
      else if (value !== null)
        (groups[group] ??= { ...emptyGroups[group as Groups] })[name] = group === 'tags' ? percentDecoded(value) : value
    })
    const { accountId, region, scope = null } = this.#defaults
    const logged = values['accountId'] === unknownAccount ? null : (values['accountId'] ?? null)
    const vpcId = values['vpcId'] ?? null
    return {
      accountId: logged ?? accountId,
      interfaceId: values['interfaceId'] ?? null,
      vpcId,
      subnetId: values['subnetId'] ?? null,
      instanceId: values['instanceId'] ?? null,
      region: values['region'] ?? region,
      azId: values['azId'] ?? null,
      sublocationType: values['sublocationType'] ?? null,
      sublocationId: values['sublocationId'] ?? null,
      resourceId: values['resourceId'] ?? null,
      interfaceType: values['interfaceType'] ?? null,
      ecs: (groups['ecs'] ?? null) as EcsRecord | null,
      tags: (groups['tags'] ?? null) as TagsRecord | null,
      transitGateway: (groups['transitGateway'] ?? null) as TransitGatewayRecord | null,
      scope: vpcId === null ? scope : null,
    }
  }
}
