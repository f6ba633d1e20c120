/** What one transaction of the cloud map writes: every touched address before and after, and some that nobody was seen with for long. */
import type { OutRecord } from '../../runtime/records.ts'
import type { TaskContext } from '../../runtime/task.ts'
import type { AddressKey, CloudMapChange } from '../../schemas/records.ts'
import { topics } from '../../schemas/topics.ts'
import {
  addSightings,
  daysToLookUp,
  entryOf,
  leave,
  newestOf,
  type AddressBefore,
  type AddressEntry,
  type Days,
  type MapSettings,
} from './address.ts'
import { encodeEntry, textOf, type CloudMapState } from './cloud-map-state.ts'
import { deriveDay } from './day-runs.ts'
import { crowdedOut, decodeClaims, encodeDay, type DayState } from './day-state.ts'
import { dayS } from './day-stays.ts'
import type { TransactionCounts } from './ip-context-metrics.ts'
import type { Touched } from './overlay.ts'
import type { Pace } from './pace.ts'

/** A day after every other: any may be stored, as long as nobody has looked. */
export const anyDay = 2 ** 31 - 1
/** Entries that are looked at in a transaction, whether they are idle. */
const sweepEntries = 50

/** What a transaction is made from. */
export interface TransactionInput {
  readonly context: TaskContext
  readonly settings: MapSettings & { readonly maxStateBytes: number }
  readonly state: CloudMapState
  readonly touched: ReadonlyMap<string, Touched>
  /** No later day of any address is in `cloud-map-days`. */
  readonly storedDay: number
  readonly counts: TransactionCounts
  readonly pace: Pace
}

/** A record of `cloud-map`. */
export interface EntryRecord extends OutRecord {
  readonly newest: number
}

/** Records of a transaction. */
export interface TransactionOutput {
  readonly changes: OutRecord[]
  readonly runs: OutRecord[]
  readonly days: OutRecord[]
  /** By the text of their key. */
  readonly entries: Map<string, EntryRecord>
  storedDay: number
}

/** Makes the records of a transaction. Counts them. */
export async function collect(given: TransactionInput): Promise<TransactionOutput> {
  const { state, settings, pace, counts, context } = given
  const input = given.storedDay === anyDay ? { ...given, storedDay: (await context.greatestGroup(topics.cloudMapDays)) ?? -1 } : given
  const out: TransactionOutput = { changes: [], runs: [], days: [], entries: new Map(), storedDay: input.storedDay }
  const writer = new Writer(input, out)
  const known = await lookUp(input)
  const seen = new Set<string>()
  for (const [text, { touched, before }] of known) {
    seen.add(text)
    for (const [day, more] of touched.added) {
      const old = before.entry?.hot.get(day) ?? before.lookedUp.get(day)
      if (old !== undefined && old !== null) counts.crowded += crowdedOut(old, more)
    }
    const after = await addSightings(before, touched.added, settings, state.streamTime, pace)
    if (after === undefined) continue
    writer.announce(touched.key, after.changes)
    for (const { upserts, tombstones } of after.runs) {
      const runKey = (first: number): Buffer => context.codecs.cloudMapRuns.encodeKey({ ...touched.key, first })
      for (const run of upserts) {
        out.runs.push({ key: runKey(run.validFrom), value: context.codecs.cloudMapRuns.encodeValue(run) })
        if (pace.isDue(10)) await pace.rest()
      }
      for (const first of tombstones) out.runs.push({ key: runKey(first), value: null })
      counts.upserts += upserts.length
      counts.tombstones += tombstones.length
    }
    for (const day of after.stored.keys()) if (before.entry?.hot.has(day) !== true) counts.late++
    writer.store(touched.key, after.stored)
    if (after.entry !== undefined) writer.enter(touched.key, touched.keyBytes, text, after.entry)
    if (pace.isDue(30)) await pace.rest()
  }
  sweep(input, seen, writer)
  counts.keys += out.entries.size
  return out
}

interface Before extends AddressBefore {
  held: boolean
  readonly lookedUp: Map<number, DayState | null>
}

/** What is known of the touched addresses, with all that has to be looked up, in one call. */
async function lookUp({ context, state, touched, storedDay, counts, pace }: TransactionInput) {
  const { codecs } = context
  const known = new Map<string, { touched: Touched; before: Before }>()
  const keys: Buffer[] = []
  const wanted: { lookedUp: Map<number, DayState | null>; day: number }[] = []
  for (const each of touched.values()) {
    const text = textOf(each.keyBytes)
    const entry = state.entry(text)
    const before: Before = {
      entry,
      held: entry?.held ?? false,
      storedDay: entry?.storedDay ?? storedDay,
      lookedUp: new Map<number, DayState | null>(),
    }
    known.set(text, { touched: each, before })
    for (const day of daysToLookUp(entry?.hot, before.storedDay, each.added)) {
      keys.push(codecs.cloudMapDays.encodeKey({ ...each.key, day }))
      wanted.push({ lookedUp: before.lookedUp, day })
    }
    if (pace.isDue(10)) await pace.rest()
  }
  if (keys.length === 0) return known
  counts.lookedUp += keys.length
  const values = await context.lookUp(topics.cloudMapDays, keys)
  for (const [i, { lookedUp, day }] of wanted.entries()) {
    const value = values[i]
    if (value === null || value === undefined) lookedUp.set(day, null)
    else {
      const { owners, claims } = codecs.cloudMapDays.decodeValue(value)
      lookedUp.set(day, decodeClaims(owners, claims))
      if (pace.isDue(1 + value.length / 4)) await pace.rest()
    }
  }
  for (const { before } of known.values()) before.held ||= [...before.lookedUp.values()].some(day => day !== null)
  return known
}

/** Addresses that nobody was seen with for `idleDays` leave the map. */
function sweep({ state, settings, context, counts }: TransactionInput, seen: ReadonlySet<string>, writer: Writer): void {
  for (const text of state.idle(sweepEntries, state.streamTime - settings.idleDays * dayS)) {
    if (seen.has(text)) continue
    const key = Buffer.from(text, 'latin1')
    const address = context.codecs.cloudMap.decodeKey(key)
    const { changes, stored } = leave(state.entry(text)!, settings.overlapS)
    writer.announce(address, changes)
    writer.store(address, stored)
    writer.drop(key, text)
    counts.idle++
  }
}

/** Encodes into the records of a transaction. */
class Writer {
  readonly #input: TransactionInput
  readonly #out: TransactionOutput

  constructor(input: TransactionInput, out: TransactionOutput) {
    this.#input = input
    this.#out = out
  }

  announce(address: AddressKey, changes: readonly CloudMapChange[]): void {
    if (changes.length === 0) return
    const { cloudMapChanges } = this.#input.context.codecs
    const key = cloudMapChanges.encodeKey(address)
    for (const change of changes) this.#out.changes.push({ key, value: cloudMapChanges.encodeValue(change) })
    this.#input.counts.announced.push(...changes)
  }

  store(address: AddressKey, days: Days): void {
    const { cloudMapDays } = this.#input.context.codecs
    for (const [day, state] of days) {
      this.#out.days.push({ key: cloudMapDays.encodeKey({ ...address, day }), value: cloudMapDays.encodeValue(encodeDay(state)) })
      this.#out.storedDay = Math.max(this.#out.storedDay, day)
    }
    this.#input.counts.days += days.size
  }

  /** Writes an entry if it is another one; days that it has no room for leave it early. */
  enter(address: AddressKey, key: Buffer, text: string, entry: AddressEntry): void {
    const { context, settings, state, counts } = this.#input
    const newest = newestOf(entry.hot)
    let fitting = entry
    let value = context.codecs.cloudMap.encodeValue(encodeEntry(fitting))
    while (value.length > settings.maxStateBytes && fitting.hot.size > 1) {
      const [[day, oldest], ...others] = [...fitting.hot] as [[number, DayState], ...[number, DayState][]]
      this.store(address, new Map([[day, oldest]]))
      counts.early++
      const storedDay = Math.max(fitting.storedDay, day)
      fitting = entryOf(new Map(others), storedDay, (each, of) => deriveDay(each, of, settings.overlapS))
      value = context.codecs.cloudMap.encodeValue(encodeEntry(fitting))
    }
    if (state.encoded(text)?.equals(value) !== true) this.#out.entries.set(text, { key, value, newest })
  }

  drop(key: Buffer, text: string): void {
    this.#out.entries.set(text, { key, value: null, newest: -Infinity })
  }
}
