/**
 * The independent side of the audit for JSON documents that have lines in them. It finds documents as the JSON standard writes them: an object
 * from its brace to the brace that closes it, whatever its first key is, with any white space before, after and inside of it.
 */

/** White space of JSON, and nothing else. */
const blank = /^[ \t\r\n]*$/

/** What has a meaning inside of an object: a whole string (one that never ends goes on to the end of the text), or a brace. */
const tokens = /"[^"\\]*(?:\\[^][^"\\]*)*(?:"|$)|[{}]/g

/** Longer documents are dead letters. */
const largest = 16 * 1024 * 1024

/** Place behind the brace that closes the object that begins at `start`; -1: it is never closed. */
function endOfObject(text: string, start: number): number {
  let depth = 0
  tokens.lastIndex = start
  for (let token = tokens.exec(text); token !== null; token = tokens.exec(text)) {
    if (token[0] === '{') depth++
    else if (token[0] === '}' && --depth === 0) return tokens.lastIndex
  }
  return -1
}

/** Messages of one document; undefined: it is not an envelope, or not JSON. */
function messagesOf(document: string): string[] | undefined {
  if (document.length > largest) return undefined
  let parsed: Record<string, unknown>
  try {
    parsed = JSON.parse(Buffer.from(document, 'latin1').toString()) as Record<string, unknown>
  } catch {
    return undefined
  }
  const { messageType: type, logEvents, message } = parsed
  if (type === 'CONTROL_MESSAGE') return []
  const events: unknown[] = type === undefined ? [{ message }] : type === 'DATA_MESSAGE' && Array.isArray(logEvents) ? logEvents : [null]
  const messages = events.map(event => (event as { message?: unknown } | null)?.message)
  return messages.every(text => typeof text === 'string') ? messages : undefined
}

/** Lines of the documents of a text, and how many parts of it are not such documents. */
export interface Unwrapped {
  readonly text: string
  readonly dead: number
}

/** @returns Undefined where the text does not begin with an envelope: its lines stand in it as they are. */
export function unwrapPlainly(content: Buffer): Unwrapped | undefined {
  const text = content.toString('latin1')
  const start = text.indexOf('{')
  if (start < 0 || start >= 4096 || !blank.test(text.slice(0, start))) return undefined
  const lines: string[] = []
  let dead = 0
  let first = true
  for (let at = 0; at < text.length; first = false) {
    const begin = text.indexOf('{', at)
    if (!blank.test(text.slice(at, begin < 0 ? text.length : begin))) dead++
    if (begin < 0) break
    const end = endOfObject(text, begin)
    const messages = end < 0 ? undefined : messagesOf(text.slice(begin, end))
    if (messages === undefined && first) return undefined
    if (messages === undefined) dead++
    else lines.push(...messages.map(message => (message.endsWith('\n') ? message : `${message}\n`)))
    at = end < 0 ? text.length : end
  }
  return { text: lines.join(''), dead }
}
