/** True if a block begins with the first line of its object, and that with a UTF-8 byte-order mark. The mark is not part of the line. */
export const beginsWithMark = (block: Uint8Array, firstLine: number): boolean =>
  firstLine === 1 && block[0] === 0xef && block[1] === 0xbb && block[2] === 0xbf

/** Bytes of a mark. */
export const markLength = 3
