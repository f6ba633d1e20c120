/** What travels between Kafka and the parts: plain records, and slabs of records in Kafka's own format for hot topics. */

/** A record as read from Kafka. */
export interface InRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Buffer | null
  /** null: a tombstone. */
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>>
}

/** A record to write. */
export interface OutRecord {
  readonly key: Buffer | null
  /** null: a tombstone. */
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Records to write to one partition, already in Kafka's record format v2 (length, attributes 0, timestamp delta 0, offset delta 0..count-1,
 * key, value, no headers), uncompressed. The bytes may be reused by the writer of the slab as soon as `send` has resolved.
 *
 * @see https://kafka.apache.org/documentation/#record
 */
export interface OutSlab {
  readonly bytes: Uint8Array
  readonly count: number
}

/** One batch of records that is framed and compressed, to be sent once. It refers to none of their memory. */
export interface PackedRecords {
  readonly packed: Buffer
  readonly count: number
  /** Bytes before compression. */
  readonly size: number
}

/**
 * One fetched batch in the same format. The offset of a record is `baseOffset` plus its own offset delta (never plus its index: compaction
 * leaves holes); records below `from` were processed before and must be skipped.
 */
export interface InSlab {
  readonly bytes: Uint8Array
  readonly count: number
  readonly baseOffset: number
  readonly from: number
  /** Offset after the last record of the batch. */
  readonly nextOffset: number
}

/** What a task is given at once: records of its partition in order, or undecoded batches where the role asked for slabs. */
export interface InBatch {
  readonly records: readonly InRecord[]
  readonly slabs: readonly InSlab[]
  /** Offset after the last record. */
  readonly nextOffset: number
  /** Records behind this batch that are already in the partition. */
  readonly lag: number
  /** Gives back the memory of records and slabs, where it is the batch's own; they are empty from then on. */
  readonly free?: () => void
}
