/** Bytes of a line as text and tokens; for dictionary misses and faults, never in the row loop. */
import { isUtf8 } from 'node:buffer'

/** True if the bytes are valid UTF-8. */
export const isText = (bytes: Uint8Array): boolean => isUtf8(bytes)

/** Text of the bytes; what is not UTF-8 becomes U+FFFD. */
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')

/** The tokens of a line or span: runs of spaces separate. */
export const tokensOf = (bytes: Uint8Array): string[] =>
  textOf(bytes)
    .split(' ')
    .filter(token => token !== '')

/** Value of a text token: null for `-`. */
export const textValue = (token: string): string | null => (token === '-' ? null : token)
