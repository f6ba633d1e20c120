/** Whole batches in Kafka's format, as the mended producer puts them on the wire. */
import { batchHeader, type BatchHeader } from '../../../runtime/kafka/record-format.ts'

/** Header with checksum, then the (compressed) records. */
export const buildBatch = (header: BatchHeader, records: Uint8Array): Buffer => Buffer.concat([batchHeader(header, records), records])
