/** Passes over optional Avro fields, in code short enough for V8 to put it in place of the call. */
import { AvroCursor } from './avro-cursor.ts'

/** Passes over an optional int, long or enum. @returns The place behind it. */
export function skipNumber(bytes: Uint8Array, at: number): number {
  if (bytes[at++] !== 0) while (bytes[at++]! > 127);
  return at
}

/** Passes over an optional string. @returns The place behind it. */
export function skipText(bytes: Uint8Array, at: number): number {
  if (bytes[at++] === 0) return at
  const length = bytes[at++]!
  return length < 128 ? at + (length >>> 1) : skipLongText(bytes, at - 1)
}

function skipLongText(bytes: Uint8Array, at: number): number {
  const cursor = new AvroCursor(bytes)
  cursor.at = at
  const length = cursor.long()
  return cursor.at + length
}
