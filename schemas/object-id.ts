/** Identity of one object version. */
import { createHash } from 'node:crypto'

/**
 * First 8 bytes of SHA-256 over bucket, key and ETag, each ended by a newline: the same object version has the same id everywhere.
 *
 * @param etag Entity tag without quotes; empty if it was never known.
 */
export function objectIdOf(bucket: string, key: string, etag: string): Buffer {
  return createHash('sha256').update(`${bucket}\n${key}\n${etag}\n`).digest().subarray(0, 8)
}
