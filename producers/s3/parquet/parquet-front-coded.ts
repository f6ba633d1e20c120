/** Front-coded values of Parquet: each says how much of the one before it is its beginning. */
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js'

/** Most bytes of the values of a page that begin like the one before them. */
const mostFrontCoded = 33_554_432

/**
 * The next values.
 *
 * @throws Error if they refer to what is not there, or take more than is allowed.
 */
export function frontCoded(reader: { view: DataView; offset: number }, count: number): Uint8Array[] {
  const [shared, own] = [new Int32Array(count), new Int32Array(count)]
  deltaBinaryUnpack(reader, count, shared)
  deltaBinaryUnpack(reader, count, own)
  let [before, bytes] = [new Uint8Array(0), 0]
  return Array.from(shared, (same, i) => {
    const rest = new Uint8Array(reader.view.buffer, reader.view.byteOffset + reader.offset, own[i])
    reader.offset += rest.length
    bytes += same + rest.length
    if (!(same >= 0 && same <= before.length && bytes <= mostFrontCoded))
      throw new Error('a page of front-coded values is damaged or too large')
    const value = new Uint8Array(same + rest.length)
    value.set(before.subarray(0, same))
    value.set(rest, same)
    return (before = value)
  })
}
