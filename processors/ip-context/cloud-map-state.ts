/** The cloud map of one partition in memory: encoded entries by encoded key, as they stand in the cloud-map topic. */
import type { Codecs } from '../../runtime/avro.ts'
import type { InRecord } from '../../runtime/records.ts'
import type { CloudMapEntry } from '../../schemas/map-state.ts'
import { newestOf, type AddressEntry, type Days } from './address.ts'
import { decodeClaims, encodeClaims, OwnerList } from './day-state.ts'

interface Kept {
  readonly value: Buffer
  /** Newest second of the address. */
  readonly newest: number
}

/** What is known of one address when a transaction touches it. */
export interface KnownEntry {
  readonly hot: Days
  readonly storedDay: number
  /** It has a holder. */
  readonly held: boolean
}

/** Entries are kept encoded: a third of the memory of decoded ones, and what is not touched is not written again. */
export class CloudMapState {
  readonly #codecs: Codecs
  readonly #kept = new Map<string, Kept>()
  #cursor: Iterator<[string, Kept]> = this.#kept.entries()
  #bytes = 0
  #streamTime = -Infinity

  constructor(codecs: Codecs) {
    this.#codecs = codecs
  }

  /** Addresses and encoded bytes. */
  get size(): { entries: number; bytes: number } {
    return { entries: this.#kept.size, bytes: this.#bytes }
  }

  /** Newest second of all entries: after a restore it is what it was before. */
  get streamTime(): number {
    return this.#streamTime
  }

  /** Takes a record of the cloud-map topic; a tombstone removes its entry. */
  restore(record: InRecord): void {
    if (record.key === null) return
    const text = textOf(record.key)
    if (record.value === null) this.forget(text)
    else this.set(text, record.value, newestOf(this.#decode(record.value).hot))
  }

  /** The encoded entry of a key. */
  encoded(text: string): Buffer | undefined {
    return this.#kept.get(text)?.value
  }

  /** The entry of a key, decoded anew. */
  entry(text: string): KnownEntry | undefined {
    const kept = this.#kept.get(text)
    return kept === undefined ? undefined : this.#decode(kept.value)
  }

  /** Replaces an entry. */
  set(text: string, value: Buffer, newest: number): void {
    this.#bytes += value.length - (this.#kept.get(text)?.value.length ?? 0)
    this.#kept.set(text, { value, newest })
    this.#streamTime = Math.max(this.#streamTime, newest)
  }

  /** Removes an entry. */
  forget(text: string): void {
    this.#bytes -= this.#kept.get(text)?.value.length ?? 0
    this.#kept.delete(text)
  }

  /**
   * Keys of the next entries whose newest second is before a time, going round over all calls.
   *
   * @param most Entries to look at.
   */
  idle(most: number, before: number): string[] {
    const found: string[] = []
    for (let i = 0; i < Math.min(most, this.#kept.size); i++) {
      let step = this.#cursor.next()
      if (step.done === true) {
        this.#cursor = this.#kept.entries()
        step = this.#cursor.next()
      }
      if (step.done === true) break
      if (step.value[1].newest < before) found.push(step.value[0])
    }
    return found
  }

  #decode(value: Buffer): KnownEntry {
    const { days, owners, storedDay, current } = this.#codecs.cloudMap.decodeValue(value)
    return {
      hot: new Map(days.map(({ day, claims }) => [day, decodeClaims(owners, claims)])),
      storedDay: storedDay ?? -1,
      held: current !== null,
    }
  }
}

/** An entry as it stands in the topic. */
export function encodeEntry({ hot, storedDay, current, currentSince }: AddressEntry): CloudMapEntry {
  const list = new OwnerList()
  const days = [...hot].map(([day, state]) => ({ day, claims: encodeClaims(state, list) }))
  return {
    current: current?.owner ?? null,
    currentSince,
    lastSeen: current?.lastSeen ?? null,
    storedDay: storedDay < 0 ? null : storedDay,
    owners: list.owners,
    days,
  }
}

/** A key as text, one character per byte. */
export const textOf = (key: Buffer): string => key.toString('latin1')
