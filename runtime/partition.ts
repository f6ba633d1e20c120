/** Which partition a key belongs to: murmur2, as in the Java client's default partitioner. */

/**
 * 32-bit murmur2 with the seed of the Java client.
 *
 * @param data Bytes to hash.
 * @param start First byte.
 * @param end Byte after the last one.
 * @returns Signed 32-bit integer.
 * @see https://github.com/apache/kafka/blob/trunk/clients/src/main/java/org/apache/kafka/common/utils/Utils.java
 */
export function murmur2(data: Uint8Array, start = 0, end = data.length): number {
  const length = end - start
  let h = 0x9747b28c ^ length
  let i = start
  const words = start + (length & ~3)
  for (; i < words; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24)
    k = Math.imul(k, 0x5bd1e995)
    k ^= k >>> 24
    k = Math.imul(k, 0x5bd1e995)
    h = Math.imul(h, 0x5bd1e995) ^ k
  }
  const rest = length & 3
  if (rest === 3) h ^= data[i + 2]! << 16
  if (rest >= 2) h ^= data[i + 1]! << 8
  if (rest >= 1) {
    h ^= data[i]!
    h = Math.imul(h, 0x5bd1e995)
  }
  h ^= h >>> 13
  h = Math.imul(h, 0x5bd1e995)
  h ^= h >>> 15
  return h
}

/**
 * Partition of a key, the same as any Java producer picks.
 *
 * @param key Encoded key.
 * @param partitions Partitions of the topic.
 */
export const partitionOf = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fffffff) % partitions
