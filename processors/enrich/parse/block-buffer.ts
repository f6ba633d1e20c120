/** The bytes of the block being parsed, in a buffer of ours. */
import { slack } from './byte-arena.ts'

/** True where a line ends at p: `\n`, or `\r` before it. */
export const isLineEnd = (bytes: Uint8Array, p: number): boolean => bytes[p] === 10 || (bytes[p] === 13 && bytes[p + 1] === 10)

/**
 * A copy of the block, ended by a newline and zeros: the row loop needs no bounds, and 8-byte reads may go over the end.
 * The copy is about 3 % of the parser. Grows to the largest block and stays; Kafka's message size bounds it.
 */
export class BlockBuffer {
  bytes = new Uint8Array(0)
  view = new DataView(this.bytes.buffer)
  /** Length of the block: place of the newline that ends it. */
  end = 0

  /** Takes a block in. */
  load(block: Uint8Array): void {
    if (block.length + slack > this.bytes.length) {
      this.bytes = new Uint8Array(block.length + slack + (block.length >>> 2))
      this.view = new DataView(this.bytes.buffer)
    }
    this.bytes.set(block)
    this.end = block.length
    this.bytes[block.length] = 10
    this.bytes.fill(0, block.length + 1, block.length + slack)
  }
}
