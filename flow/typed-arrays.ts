/** Typed arrays that grow. */

/** Copies an array into a larger one. */
export function grown<T extends Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}

/** A larger Int32Array with the same beginning. */
export const grow = (array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> => grown(array, new Int32Array(length))
