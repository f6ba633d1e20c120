/**
 * Class fields (protocol, action, flags, direction ...): a row has few distinct combinations, so each is parsed once.
 * Adjacent class columns of a line form a run with its own dictionary; the runs of a row are combined to one class id.
 */
import type { ColumnPlan } from './column-plan.ts'
import { faultNumber, type LineFaultReason } from './line-faults.ts'
import { PairTable } from './pair-table.ts'
import { SpanDictionary } from './span-dictionary.ts'
import { isText, tokensOf } from './tokens.ts'

/** Values of the class fields of a row; null where absent. */
export interface ClassValues {
  version: number | null
  logStatus: 'OK' | 'NODATA' | 'SKIPDATA' | null
  action: 'ACCEPT' | 'REJECT' | null
  flowDirection: 'ingress' | 'egress' | null
  protocol: number | null
  tcpFlags: number | null
  type: string | null
  trafficPath: number | null
  pktSrcAwsService: string | null
  pktDstAwsService: string | null
  rejectReason: string | null
  encryptionStatus: number | null
}

const absent: ClassValues = {
  version: null,
  logStatus: null,
  action: null,
  flowDirection: null,
  protocol: null,
  tcpFlags: null,
  type: null,
  trafficPath: null,
  pktSrcAwsService: null,
  pktDstAwsService: null,
  rejectReason: null,
  encryptionStatus: null,
}

/** What a class makes of its row. */
export const rowKind = { flow: 0, noData: 1, skipData: 2 } as const

interface RunEntry {
  values: Partial<ClassValues>
  fault: number
  column: number
}

const limits: Partial<Record<keyof ClassValues, number>> = {
  protocol: 255,
  tcpFlags: 65535,
  version: 2 ** 31 - 1,
  trafficPath: 2 ** 31 - 1,
  encryptionStatus: 2 ** 31 - 1,
}
const choices: Partial<Record<keyof ClassValues, { values: readonly string[]; reason: LineFaultReason }>> = {
  action: { values: ['ACCEPT', 'REJECT'], reason: 'bad-action' },
  logStatus: { values: ['OK', 'NODATA', 'SKIPDATA'], reason: 'bad-log-status' },
  flowDirection: { values: ['ingress', 'egress'], reason: 'bad-direction' },
}

function valueOf(name: keyof ClassValues, token: string): string | number | null | { reason: LineFaultReason } {
  if (token === '-') return null
  const limit = limits[name]
  if (limit !== undefined) {
    if (!/^[0-9]+$/.test(token)) return { reason: 'bad-number' }
    return Number(token) > limit ? { reason: 'number-too-large' } : Number(token)
  }
  const choice = choices[name]
  return choice === undefined || choice.values.includes(token) ? token : { reason: choice.reason }
}

/** The classes of one column plan. Ids are 1, 2, 3 ... in the order of appearance (0 where the plan has no class column). Bounded by its owner. */
export class ClassDictionary {
  /** One dictionary per run. */
  readonly runs: readonly SpanDictionary[]
  /** Combines the class so far (a) and the next run (b). */
  readonly pairs: readonly PairTable[]
  readonly values: ClassValues[] = [absent]
  /** `rowKind` by class id. */
  kind = new Uint8Array(64)
  /** Fault number by class id, 0 for none, and the column that has it. */
  fault = new Uint8Array(64)
  faultColumn = new Int32Array(64)
  /** Protocol number, -1 where absent. */
  protocol = new Int16Array(64).fill(-1, 0, 1)
  /** `direction` that the line says itself: 0 none, 1 ingress, 2 egress. */
  loggedDirection = new Uint8Array(64)
  readonly #plan: ColumnPlan
  readonly #entries: RunEntry[][]

  constructor(plan: ColumnPlan) {
    this.#plan = plan
    this.runs = plan.classRuns.map(() => new SpanDictionary(1))
    this.pairs = plan.classRuns.map(() => new PairTable())
    this.#entries = plan.classRuns.map(() => [{ values: {}, fault: 0, column: -1 }])
  }

  /** Classes known, and all entries that count towards a bound. */
  get count(): number {
    return this.values.length - 1
  }

  get size(): number {
    return this.runs.reduce((sum, run) => sum + run.count, this.count)
  }

  /** Makes sure that the values of a class are there; called with ids in the order of their appearance. */
  add(id: number): void {
    const ids: number[] = []
    let rest = id
    for (let run = this.runs.length - 1; run > 0; run--) {
      ids[run] = this.pairs[run]!.b[rest - 1]!
      rest = this.pairs[run]!.a[rest - 1]!
    }
    ids[0] = rest
    const values = { ...absent }
    let fault = 0
    let column = -1
    ids.forEach((entryId, run) => {
      const entry = this.#entryOf(run, entryId)
      Object.assign(values, entry.values)
      if (fault === 0 && entry.fault !== 0) [fault, column] = [entry.fault, entry.column]
    })
    this.values[id] = values
    if (id >= this.kind.length) this.#grow(2 * id)
    this.kind[id] = values.logStatus === 'NODATA' ? rowKind.noData : values.logStatus === 'SKIPDATA' ? rowKind.skipData : rowKind.flow
    this.fault[id] = fault
    this.faultColumn[id] = column
    this.protocol[id] = values.protocol ?? -1
    this.loggedDirection[id] = values.flowDirection === 'ingress' ? 1 : values.flowDirection === 'egress' ? 2 : 0
  }

  #entryOf(run: number, id: number): RunEntry {
    return (this.#entries[run]![id] ??= this.#parse(run, id))
  }

  #parse(run: number, id: number): RunEntry {
    const dictionary = this.runs[run]!
    const start = dictionary.starts[id]!
    const bytes = dictionary.arena.bytes.subarray(start, start + dictionary.lengths[id]!)
    const columns = this.#plan.classRuns[run]!
    const entry: RunEntry = { values: {}, fault: 0, column: -1 }
    if (!isText(bytes)) return { ...entry, fault: faultNumber('invalid-utf8'), column: columns[0]! }
    tokensOf(bytes).forEach((token, i) => {
      const name = this.#plan.fields[columns[i]!]!.record as keyof ClassValues
      const value = valueOf(name, token)
      if (typeof value === 'object' && value !== null) {
        if (entry.fault === 0) [entry.fault, entry.column] = [faultNumber(value.reason), columns[i]!]
      } else Object.assign(entry.values, { [name]: value })
    })
    return entry
  }

  #grow(length: number): void {
    this.kind = widened(this.kind, new Uint8Array(length))
    this.fault = widened(this.fault, new Uint8Array(length))
    this.faultColumn = widened(this.faultColumn, new Int32Array(length))
    this.protocol = widened(this.protocol, new Int16Array(length))
    this.loggedDirection = widened(this.loggedDirection, new Uint8Array(length))
  }
}

function widened<T extends Uint8Array | Int16Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
