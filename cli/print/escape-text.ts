/**
 * Text of others in what a command prints: object keys, error texts, values of log lines. A writer of an object chooses its key, and a key
 * must not steer the terminal of the person who lists it.
 */

/** Control and format characters (those that turn the direction of text, too), and separators of lines. */
const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** As JSON writes it, so that JSON stays JSON. */
const escaped = (text: string): string =>
  Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')

/** A text that is part of a line: an end of line in it is escaped, too. */
export const escapeText = (text: string): string => text.replace(steering, escaped)

/** Whole lines. */
export const escapeLines = (text: string): string => text.replace(steering, found => (found === '\n' ? found : escaped(found)))
