/** Who may free the memory of decompressed text, and when. */
import { freeMemory } from '../../../runtime/memory.ts'

/** Chunks at whose end their memory ends; only their own text, and text before it, lies in it. */
const own = new WeakSet<Buffer>()

/**
 * Notes that the memory behind a chunk is ours, and of no use when this chunk and those before it are read: nobody else will read or write it. By
 * the chunk, not by its memory: an earlier chunk may lie in the same memory, and is read first.
 */
export function markOwn(chunk: Buffer): void {
  own.add(chunk)
}

/** True for a chunk that was marked. */
export const isOwn = (chunk: Buffer): boolean => own.has(chunk)

/** Frees the memory of chunks that are ours. Whatever still refers to it is empty from here on. */
export function release(chunks: Buffer[]): void {
  for (const chunk of chunks) if (own.delete(chunk)) freeMemory(chunk)
  chunks.length = 0
}

/** The chunks of a text in their order, until they are read. */
export class TextMemory {
  readonly #chunks: Buffer[] = []

  add(chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  /**
   * Takes away the chunks that are read, but for the last bytes of the text.
   *
   * @param held Bytes at the end of the text so far that are still needed.
   */
  read(held: number): Buffer[] {
    let kept = 0
    let from = this.#chunks.length
    while (from > 0 && kept < held) kept += this.#chunks[--from]!.length
    return this.#chunks.splice(0, from)
  }
}
