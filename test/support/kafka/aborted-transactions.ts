/** Counts aborted transactions in the broker's own log files: the abort markers it wrote. */
import { globSync, readFileSync } from 'node:fs'

/**
 * Distinct aborted transactions.
 *
 * @param logFolder Folder of the broker's logs (one sub-folder per partition).
 * @param topicPrefix Start of the topic names to look at.
 * @see https://kafka.apache.org/documentation/#controlbatch
 */
export function countAborted(logFolder: string, topicPrefix: string): number {
  const aborted = new Set<string>()
  for (const path of globSync(`${logFolder}/**/${topicPrefix}*/*.log`)) {
    const bytes = readFileSync(path)
    for (let at = 0; at + 61 <= bytes.length;) {
      const length = bytes.readInt32BE(at + 8)
      if (length <= 0 || at + 12 + length > bytes.length) break
      const isControl = (bytes.readInt16BE(at + 21) & 32) !== 0
      // One record: length, attributes, timestamp delta, offset delta (a byte each here), key length, then version and type as int16.
      if (isControl && bytes.readInt16BE(at + 61 + 7) === 0) aborted.add(`${bytes.readBigInt64BE(at + 43)}/${bytes.readInt16BE(at + 51)}`)
      at += 12 + length
    }
  }
  return aborted.size
}
