/** Smaller memory may be shared (the pool of Buffer, which since Node 26 is a little larger than it says), and does not matter. */
const leastBytes = Math.max(65_536, Buffer.poolSize) + 4096

/**
 * Gives the memory behind a large buffer back at once. Only for the one holder of it: every view of it is empty from here on.
 *
 * Megabytes that wait for the garbage collector count against the limit of the heap and make it mark the whole heap every 20 MB of them: of the CPU
 * time of the poller that was a third.
 */
export function freeMemory(bytes: Uint8Array | undefined): void {
  if (bytes !== undefined && bytes.buffer.byteLength >= leastBytes) (bytes.buffer as ArrayBuffer).transfer(0)
}
