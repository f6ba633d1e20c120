/** Conservation, object by object: what S3 holds, what the topics hold, what the tables hold. */
import { counted } from '../runtime/counted.ts'
import type { ObjectLedger } from '../schemas/records.ts'
import { addTally, emptyTally, tallyFields, totalOf, type Tallies, type Tally } from '../schemas/tally.ts'
import type { BucketReadings, ObjectReading } from './read-buckets.ts'
import {
  blindSpots,
  foreignOf,
  setUnreadApart,
  sourceOfKey,
  talliesInRange,
  type AuditScope,
  type Foreign,
  type KnownPlaces,
  type Unread,
} from './whereabouts.ts'

/** Where two sides differ. */
export interface Difference {
  readonly objectId: string
  readonly object: string
  readonly side: 'topics' | 'tables' | 'equation'
  readonly detail: string
}

/** What the three sides have, object by object. */
export interface Comparison {
  readonly objects: number
  /** Objects that S3 holds but nobody can read, and that the ledger records as failed or retrying. */
  readonly unreadable: readonly string[]
  /** Versions that were read and are not in S3 any more (deleted or overwritten). */
  readonly gone: number
  readonly totals: Readonly<Record<'s3' | 'topics' | 'tables', Tally>>
  readonly differences: readonly Difference[]
}

/** What an audit found. */
export interface AuditReport extends Comparison, Unread {
  /** Sources and the number of their objects. */
  readonly sources: readonly { readonly name: string; readonly listed: number }[]
  /** Versions of places that no source names; `gone` does not count them. */
  readonly foreign: readonly Foreign[]
  /** Why the audit shows nothing of a source, or nothing at all. */
  readonly blind: readonly string[]
}

/** How many things a person must look at: differences, objects that nobody announced, and what the audit could not see. */
export const faultsOf = ({ differences, unannounced, blind }: AuditReport): number => differences.length + unannounced.count + blind.length

/** Compares the sides, and says what could not be compared. */
export function auditOf(
  scope: AuditScope,
  s3: BucketReadings,
  ledger: ReadonlyMap<string, Pick<ObjectLedger, 'state'>>,
  topics: Tallies | undefined,
  tables: Tallies,
  places: KnownPlaces,
): AuditReport {
  const inRange = (tallies: Tallies): Tallies => talliesInRange(scope, tallies, s3.readings, places)
  const isKnown = (id: string): boolean => ledger.has(id) || topics?.has(id) === true || tables.has(id)
  const { rest, unread } = setUnreadApart(scope, s3.readings, isKnown)
  const comparison = compare(rest, ledger, topics === undefined ? undefined : inRange(topics), inRange(tables))
  const gone = [...inRange(new Map([...(topics ?? []), ...tables])).keys()].filter(id => !s3.readings.has(id))
  const foreign = foreignOf(scope.s3, gone, places)
  const report = { ...comparison, ...unread, foreign, objects: s3.readings.size }
  const goneOf = (source: BucketReadings['sources'][number]['source']): number =>
    gone.filter(id => {
      const place = places.get(id)
      return place !== undefined && sourceOfKey(scope.s3, place.bucket, place.key) === source
    }).length
  return {
    ...report,
    gone: gone.length - foreign.reduce((sum, { versions }) => sum + versions, 0),
    sources: s3.sources.map(({ name, listed }) => ({ name, listed })),
    blind: blindSpots(s3, report, goneOf),
  }
}

const describe = (expected: Tally, actual: Tally): string =>
  tallyFields
    .filter(field => expected[field] !== actual[field])
    .map(field => `${field} ${actual[field]} instead of ${expected[field]}`)
    .join(', ')

/**
 * Compares the three sides.
 *
 * @param topics Undefined: the topics are not looked at (retention has removed their records).
 */
export function compare(
  s3: ReadonlyMap<string, ObjectReading>,
  ledger: ReadonlyMap<string, Pick<ObjectLedger, 'state'>>,
  topics: Tallies | undefined,
  tables: Tallies,
): Comparison {
  const differences: Difference[] = []
  const unreadable: string[] = []
  const s3Totals = emptyTally()
  const note = (objectId: string, object: string, side: Difference['side'], detail: string): void => {
    if (detail !== '') differences.push({ objectId, object, side, detail })
  }
  const nameOf = (objectId: string): string => {
    const known = s3.get(objectId)
    return known === undefined ? objectId : `s3://${known.bucket}/${known.key}`
  }
  for (const [objectId, { reading }] of s3) {
    const object = nameOf(objectId)
    const state = ledger.get(objectId)?.state
    if (!reading.ok) {
      unreadable.push(`${object}: ${reading.reason}`)
      if (ledger.size > 0 && state !== 'failed' && state !== 'retrying')
        note(objectId, object, 'topics', `S3 object cannot be read (${reading.reason}), ledger says ${state ?? 'nothing'}`)
      if (topics !== undefined)
        note(objectId, object, 'tables', describe(topics.get(objectId) ?? emptyTally(), tables.get(objectId) ?? emptyTally()))
      continue
    }
    const tally = reading.tally
    addTally(s3Totals, tally)
    if (topics !== undefined) note(objectId, object, 'topics', describe(tally, topics.get(objectId) ?? emptyTally()))
    note(objectId, object, 'tables', describe(tally, tables.get(objectId) ?? emptyTally()))
  }
  for (const [side, tallies] of [
    ['topics', topics],
    ['tables', tables],
  ] as const)
    for (const [objectId, tally] of tallies ?? []) {
      const parts = tally.headers + tally.blank + tally.flows + tally.noData + tally.skipData + tally.dead
      if (parts !== tally.lines)
        note(
          objectId,
          nameOf(objectId),
          'equation',
          `${side}: ${counted(tally.lines, 'line')}, but ${parts} headers, blank, flows, gaps and dead letters`,
        )
    }
  const known = new Set([...(topics?.keys() ?? []), ...tables.keys()])
  return {
    objects: s3.size,
    unreadable,
    gone: [...known].filter(id => !s3.has(id)).length,
    totals: { s3: s3Totals, topics: totalOf(topics?.values() ?? []), tables: totalOf(tables.values()) },
    differences,
  }
}
