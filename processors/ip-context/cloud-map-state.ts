/** The cloud map of one partition in memory: encoded entries by encoded key, as they stand in the cloud-map topic. */
import type { CloudMapEntry } from '../../schemas/records.ts'
import type { Codecs } from '../../runtime/avro.ts'
import type { InRecord } from '../../runtime/records.ts'
import { newestSecond } from './ownership.ts'

interface Kept {
  readonly value: Buffer
  readonly touchedMs: number
}

/** One entry, decoded. */
export interface MapEntry {
  readonly text: string
  readonly key: Buffer
  readonly entry: CloudMapEntry
}

/** Entries are kept encoded: a third of the memory of decoded ones, and what was not touched is not written again. */
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
  restore(record: InRecord, nowMs: number): void {
    if (record.key === null) return
    const text = textOf(record.key)
    if (record.value === null) this.#forget(text)
    else this.set(text, record.value, this.#codecs.cloudMap.decodeValue(record.value), nowMs)
  }

  /** The encoded entry of a key. */
  encoded(text: string): Buffer | undefined {
    return this.#kept.get(text)?.value
  }

  /** The entry of a key, decoded anew. */
  entry(text: string): CloudMapEntry | undefined {
    const kept = this.#kept.get(text)
    return kept === undefined ? undefined : this.#codecs.cloudMap.decodeValue(kept.value)
  }

  /** Replaces an entry. */
  set(text: string, value: Buffer, entry: CloudMapEntry, nowMs: number): void {
    this.#forget(text)
    this.#kept.set(text, { value, touchedMs: nowMs })
    this.#bytes += value.length
    this.#streamTime = Math.max(this.#streamTime, newestSecond(entry) ?? -Infinity)
  }

  /**
   * The next entries that were not touched since a time, going round over all calls.
   *
   * @param most Entries to look at.
   */
  idle(most: number, untouchedSinceMs: number): MapEntry[] {
    const found: MapEntry[] = []
    for (let i = 0; i < Math.min(most, this.#kept.size); i++) {
      let step = this.#cursor.next()
      if (step.done === true) {
        this.#cursor = this.#kept.entries()
        step = this.#cursor.next()
      }
      if (step.done === true) break
      const [text, kept] = step.value
      if (kept.touchedMs > untouchedSinceMs) continue
      found.push({ text, key: Buffer.from(text, 'latin1'), entry: this.#codecs.cloudMap.decodeValue(kept.value) })
    }
    return found
  }

  #forget(text: string): void {
    this.#bytes -= this.#kept.get(text)?.value.length ?? 0
    this.#kept.delete(text)
  }
}

/** A key as text, one character per byte. */
export const textOf = (key: Buffer): string => key.toString('latin1')
