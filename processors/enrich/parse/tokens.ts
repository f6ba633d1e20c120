/** Bytes of a line as text and tokens; for dictionary misses and faults, never in the row loop. */
import { isUtf8 } from 'node:buffer'
import { faultNumber } from './line-faults.ts'
import type { SpanDictionary } from './span-dictionary.ts'

/** True if the bytes are valid UTF-8. */
export const isText = (bytes: Uint8Array): boolean => isUtf8(bytes)

/** Text of the bytes; what is not UTF-8 becomes U+FFFD. */
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')

/** The tokens of a line or span: runs of spaces separate. */
export const tokensOf = (bytes: Uint8Array): string[] =>
  textOf(bytes)
    .split(' ')
    .filter(token => token !== '')

/** The tokens of all spans of an entry, and its fault: 0, or that some bytes are not UTF-8. */
export function readEntry(spans: SpanDictionary, id: number): { readonly tokens: string[]; readonly fault: number } {
  const tokens: string[] = []
  let valid = true
  for (let s = 0; s < spans.spans; s++) {
    const bytes = spans.bytesOf(id, s)
    valid &&= isText(bytes)
    tokens.push(...tokensOf(bytes))
  }
  return { tokens, fault: valid ? 0 : faultNumber('invalid-utf8') }
}

/** Value of a text token: null for `-`. */
export const textValue = (token: string): string | null => (token === '-' ? null : token)
