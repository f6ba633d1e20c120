/** The column plan: what each column of an object is, compiled from its header line into a few fused operations. */
import { findFlowField, type FlowField } from '../../../flow/fields.ts'
import type { FilledColumns } from '../../../flow/flow-batch.ts'
import { addressNames, numberNames, portNames } from '../../../flow/numbers.ts'
import { maxColumns } from './parse-buffers.ts'

/** Kinds of operation; adjacent columns of a text role are fused into one span. */
export const opKind = { number: 0, port: 1, address: 2, observer: 3, traits: 4, nextHop: 5, extra: 6 } as const

/**
 * Integers per operation in `ColumnPlan.ops`:
 * kind; target (column of the batch, or span); number of columns; detail; first column.
 * Detail: number, 1 for a time; address, 1 + the address column read before that usually has the same value; observer, 1 for the span that identifies.
 */
export const opStride = 5

/** A compiled header line. */
export interface ColumnPlan {
  /** Column names as in the header line. */
  readonly names: readonly string[]
  readonly ops: Int32Array
  /** Documented fields by column; undefined for columns that go to `extra`. */
  readonly fields: readonly (FlowField | undefined)[]
  /** Columns of the observer, of each span of traits, of the next hop and of the unknown ones, in the order of the line. */
  readonly observerColumns: readonly number[]
  readonly traitSpans: readonly (readonly number[])[]
  readonly nextHopColumns: readonly number[]
  readonly extraColumns: readonly number[]
  /** Name of each unknown column in `extra`; a name that stood before gets `#2`, `#3` ..., and `__proto__` always a number. */
  readonly extraNames: readonly string[]
  /** Columns that a gap record has no field for, with the name of each in its `extra`. */
  readonly gapExtras: readonly (readonly [column: number, name: string])[]
  readonly observerSpans: number
  readonly nextHopSpans: number
  readonly extraSpans: number
  /** Columns of the batch that the parser fills. */
  readonly filled: FilledColumns
  /** True if the header has the field. */
  has(name: string): boolean
}

/** Names in a header line: runs of spaces separate, a byte-order mark and the line end are not part of it. */
export function headerNames(headerLine: string): string[] {
  return headerLine
    .replace(/^\uFEFF/, '')
    .replace(/\r?\n?$/, '')
    .split(' ')
    .filter(name => name !== '')
}

/** Columns that identify the observation point, best first. */
const identities = ['interface-id', 'resource-id', 'tgw-attachment-id']

/** Columns that a gap record has a field for. */
const gapColumns = ['account-id', 'region', 'interface-id', 'vpc-id', 'subnet-id', 'instance-id', 'az-id', 'start', 'end', 'log-status']

/**
 * Compiles a header line into a column plan.
 *
 * @param headerLine Names as AWS writes them, in any order and any subset; names with underscores (Parquet) are taken too.
 *   A name that is unknown or stands twice goes to `extra`.
 * @returns The plan, or undefined if no name is a documented field or there are more than `maxColumns`: then it is not a header line.
 */
export function compileColumns(headerLine: string): ColumnPlan | undefined {
  const names = headerNames(headerLine)
  const seen = new Set<string>()
  const fields = names.map(name => {
    const field = findFlowField(name)
    if (field === undefined || seen.has(field.name)) return undefined
    seen.add(field.name)
    return field
  })
  if (seen.size === 0 || names.length > maxColumns) return undefined
  const identity = identities.find(name => seen.has(name))
  const ops: number[] = []
  const traitSpans: number[][] = []
  const spans = { observer: 0, nextHop: 0, extra: 0 }
  const read: string[] = []
  const add = (kind: number, target: number, detail: number, column: number): void => void ops.push(kind, target, 1, detail, column)
  const lastKind = (): number | undefined => ops[ops.length - opStride]
  const text = (kind: 3 | 5 | 6, group: keyof typeof spans, detail: number, column: number): void => {
    // a span ends with the identifying column, so that its last bytes tell observers apart (line-parser.ts)
    const ended = kind === opKind.observer && ops[ops.length - opStride + 3] === 1
    if (lastKind() !== kind || ended) add(kind, spans[group]++, detail, column)
    else {
      ops[ops.length - opStride + 2]! += 1
      ops[ops.length - opStride + 3]! |= detail
    }
  }
  const place = (names: readonly string[], name: string): number => names.indexOf(name)
  fields.forEach((field, column) => {
    if (field === undefined) text(opKind.extra, 'extra', 0, column)
    else if (field.role === 'observer') text(opKind.observer, 'observer', field.name === identity ? 1 : 0, column)
    else if (field.role === 'next-hop') text(opKind.nextHop, 'nextHop', 0, column)
    else if (field.role === 'traits') {
      if (lastKind() === opKind.traits) {
        ops[ops.length - opStride + 2]! += 1
        traitSpans.at(-1)!.push(column)
      } else {
        add(opKind.traits, traitSpans.length, 0, column)
        traitSpans.push([column])
      }
    } else if (field.role === 'address') {
      const index = place(addressNames, field.name)
      add(opKind.address, index, read.includes(addressNames[index ^ 2]!) ? 1 + (index ^ 2) : 0, column)
      read.push(field.name)
    } else if (field.role === 'port') add(opKind.port, place(portNames, field.name), 0, column)
    else add(opKind.number, place(numberNames, field.name), field.role === 'time' ? 1 : 0, column)
  })
  const columnsOf = (wanted: FlowField['role'] | undefined): number[] =>
    fields.flatMap((field, column) => (field?.role === wanted ? [column] : []))
  const extraColumns = columnsOf(undefined)
  const extraNames = extraColumns.map(column => {
    const earlier = names.slice(0, column).filter(name => name === names[column]).length
    // Avro decoders turn a map into a plain object, which cannot have an entry of this name
    return earlier === 0 && names[column] !== '__proto__' ? names[column]! : `${names[column]!}#${earlier + 1}`
  })
  return {
    names,
    ops: Int32Array.from(ops),
    fields,
    observerColumns: columnsOf('observer'),
    traitSpans,
    nextHopColumns: columnsOf('next-hop'),
    extraColumns,
    extraNames,
    gapExtras: fields.flatMap((field, column) => {
      if (field === undefined) return [[column, extraNames[extraColumns.indexOf(column)]!] as const]
      return gapColumns.includes(field.name) ? [] : [[column, field.name] as const]
    }),
    observerSpans: spans.observer,
    nextHopSpans: spans.nextHop,
    extraSpans: spans.extra,
    filled: {
      addresses: addressNames.map(name => seen.has(name)),
      ports: portNames.map(name => seen.has(name)),
      numbers: numberNames.map(name => seen.has(name)),
    },
    has: name => seen.has(name),
  }
}
