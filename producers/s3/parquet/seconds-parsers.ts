/** How the library parses values whose type says more than their bytes. */
import type { ParquetParsers } from 'hyparquet'

/** Times become Unix seconds, as in the text; JSON stays text. */
export const secondsParsers: Partial<ParquetParsers> = {
  timestampFromMilliseconds: ms => Number(ms / 1000n),
  timestampFromMicroseconds: us => Number(us / 1_000_000n),
  timestampFromNanoseconds: ns => Number(ns / 1_000_000_000n),
  dateFromDays: days => days * 86_400,
  jsonFromBytes: bytes => new TextDecoder().decode(bytes),
}
