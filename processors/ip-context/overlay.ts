/** The sightings of one open transaction, by address and day. */
import type { Codecs } from '../../runtime/avro.ts'
import type { InRecord } from '../../runtime/records.ts'
import type { AddressKey } from '../../schemas/records.ts'
import { textOf } from './cloud-map-state.ts'
import { crowdedOut, dayOfSighting, joinDays, type DayState } from './day-state.ts'
import { dayS } from './day-stays.ts'
import type { TransactionCounts } from './ip-context-metrics.ts'
import { isPlausible } from './owners.ts'
import { splitByDay } from './sighting-days.ts'

/** Addresses, days of addresses and ranges in one transaction, at most (and one sighting): bounds memory and time of a commit. */
const mostAddresses = 20_000
const mostDays = 40_000
const mostRanges = 100_000
/** A sighting says nothing of a time that is later than its own record by more than this. */
const futureS = 3600

/** What was seen of one address. */
export interface Touched {
  readonly key: AddressKey
  /** Key in `cloud-map`, encoded. */
  readonly keyBytes: Buffer
  readonly added: Map<number, DayState>
}

/** What the open transaction has changed of addresses and days, until it is committed or given up. */
export class Overlay {
  readonly touched = new Map<string, Touched>()
  readonly #codecs: Codecs
  readonly #historyDays: number
  #days = 0
  #ranges = 0

  /** @param historyDays Days before the newest second of the partition that still count; 0: all. */
  constructor(codecs: Codecs, historyDays: number) {
    this.#codecs = codecs
    this.#historyDays = historyDays
  }

  /** True if it is time to commit. */
  get isFull(): boolean {
    return this.touched.size >= mostAddresses || this.#days >= mostDays || this.#ranges >= mostRanges
  }

  /**
   * Adds a record of `ip-sightings`.
   *
   * @returns Ranges in it.
   */
  add(record: InRecord, streamTime: number, counts: TransactionCounts): number {
    if (record.key === null || record.value === null) return 0
    const sighting = this.#codecs.ipSightings.decodeValue(record.value)
    counts.sightings++
    if (!isPlausible(sighting.owner)) {
      counts.refused++
      return sighting.ranges.length
    }
    const oldestDay = this.#historyDays === 0 ? -Infinity : Math.floor(streamTime / dayS) - this.#historyDays
    const { days, clipped, tooOld } = splitByDay(sighting.ranges, Math.floor(record.timestampMs / 1000) + futureS, oldestDay)
    counts.clipped += clipped
    counts.tooOld += tooOld
    this.#ranges += sighting.ranges.length
    if (days.size === 0) return sighting.ranges.length
    const { added } = this.#touch(record.key)
    for (const [day, shown] of days) {
      const more = dayOfSighting(sighting, shown)
      const known = added.get(day)
      if (known === undefined) this.#days++
      const joined = known === undefined ? more : joinDays(known, more)
      if (known !== undefined) counts.crowded += crowdedOut(joined, more)
      added.set(day, joined)
    }
    return sighting.ranges.length
  }

  #touch(key: Buffer): Touched {
    const text = textOf(key)
    let touched = this.touched.get(text)
    if (touched === undefined) {
      const address = this.#codecs.ipSightings.decodeKey(key)
      touched = { key: address, keyBytes: this.#codecs.cloudMap.encodeKey(address), added: new Map() }
      this.touched.set(text, touched)
    }
    return touched
  }
}
