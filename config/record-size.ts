/** How large the records of the path can be under given settings. A record that the broker refuses stops its role for good. */
import type { S3Settings } from '../producers/s3/settings.ts'
import { judged, judgedEach } from '../runtime/partial-settings.ts'
import type { SettingFault } from '../runtime/setting-types.ts'
import type { KafkaSettings } from '../runtime/kafka/settings.ts'

/**
 * Everything in a record but text of the object: key, other Kafka headers, counts, framing, what enrich adds to a flow, and up to 10 bytes for
 * each of the 4,096 columns that a header line may have.
 */
export const recordOverheadBytes = 65_536

/**
 * Most bytes of a record: a block of lines, or one longer line, with its header line, which is a line of the object or the format of its source.
 * Records that enrich makes of a line have its text and the names of its columns once, which is not more.
 */
export function largestRecord({ blockBytes, maxLineBytes, sources }: Pick<S3Settings, 'blockBytes' | 'maxLineBytes' | 'sources'>): number {
  const format = Math.max(0, ...judgedEach(sources, source => [Buffer.byteLength(source.format ?? '')]))
  return Math.max(blockBytes, maxLineBytes) + Math.max(maxLineBytes, format) + recordOverheadBytes
}

/** Finds a setting that makes records possible that are larger than `kafka.maxRecordBytes`. What is refused counts nothing: the rest alone may be too large. */
export function recordSizeFaults({ kafka, s3: all }: { kafka: Pick<KafkaSettings, 'maxRecordBytes'>; s3: S3Settings }): SettingFault[] {
  const s3 = {
    blockBytes: judged(() => all.blockBytes) ?? 0,
    maxLineBytes: judged(() => all.maxLineBytes) ?? 0,
    sources: judged(() => all.sources) ?? [],
  }
  const largest = largestRecord(s3)
  if (largest <= kafka.maxRecordBytes) return []
  const message = `allows records of ${largest} bytes, but kafka.maxRecordBytes is ${kafka.maxRecordBytes}: lower it, or raise max.message.bytes of the topics and then kafka.maxRecordBytes`
  return [{ key: ['s3', s3.maxLineBytes > s3.blockBytes ? 'maxLineBytes' : 'blockBytes'], message }]
}
