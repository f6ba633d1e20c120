/** Lines and JSON records among one another, as messages: the last header line of the lines holds for lines, that of the records for records. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { documentLines } from '../../audit/plain-documents.ts'
import { readPlainly } from '../../audit/plain-reader.ts'
import { unwrapped } from '../../producers/s3/text/envelope-text.ts'
import { MadeHeaders } from '../../producers/s3/text/header-line.ts'

/** Formats of lines; a value names the column that it is of, so a line tells which header line it is of. */
const formats = ['srcaddr dstaddr bytes', 'version srcaddr bytes packets', 'bytes start end'] as const
const valueOf: Readonly<Record<string, string>> = { srcaddr: '10.0.0.1', dstaddr: '10.0.0.2', bytes: '3', packets: '4', version: '2', start: '1700000001', end: '1700000002' } // prettier-ignore

type Message =
  | { kind: 'header'; format: string; end: '' | '\n' }
  | { kind: 'line'; format: string; end: '' | '\n' }
  | { kind: 'record'; keys: string[] }
  /** A header line and a line of it in one message. */
  | { kind: 'both'; format: string }
const format: fc.Arbitrary<string> = fc.constantFrom(...formats)
const end = fc.constantFrom('' as const, '\n' as const)
const messages: fc.Arbitrary<Message[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('header' as const), format, end }),
    fc.record({ kind: fc.constant('line' as const), format, end }),
    fc.record({ kind: fc.constant('both' as const), format }),
    fc.record({ kind: fc.constant('record' as const), keys: fc.subarray(Object.keys(valueOf), { minLength: 1 }) }),
  ),
  { minLength: 1, maxLength: 14 },
)

const lineOf = (columns: string): string => columns.split(' ').map(name => valueOf[name]!).join(' ') // prettier-ignore
const textOf = (message: Message): string => {
  if (message.kind === 'record') return JSON.stringify(Object.fromEntries(message.keys.map(key => [key, valueOf[key]])))
  if (message.kind === 'both') return `${message.format}\n${lineOf(message.format)}`
  return `${message.kind === 'header' ? message.format : lineOf(message.format)}${message.end}`
}

/** Columns that hold for each line that is not a header line, by what stands before it; null: none. */
function expected(all: readonly Message[], configured: string | null): (string | null)[] {
  let plain: string | null = configured
  const keys: string[] = []
  const found: (string | null)[] = []
  for (const message of all) {
    if (message.kind === 'header') plain = message.format
    else if (message.kind === 'line') found.push(plain)
    else if (message.kind === 'both') found.push((plain = message.format))
    else {
      keys.push(...message.keys.filter(key => !keys.includes(key)))
      found.push(keys.join(' '))
    }
  }
  return found
}

async function producedOf(text: string, configured: string | null): Promise<{ text: string; headers: MadeHeaders }> {
  const headers = new MadeHeaders(configured)
  const chunks: Buffer[] = []
  for await (const chunk of unwrapped(
    (async function* () {
      yield Buffer.from(text)
    })(),
    { bucket: 'b', key: 'k' },
    undefined,
    false,
    headers,
  ))
    // prettier-ignore
    if (Buffer.isBuffer(chunk)) chunks.push(chunk)
  return { text: Buffer.concat(chunks).toString(), headers }
}

test('each line has the columns of the last header line of its kind, else the configured ones; the audit makes the same text', async () => {
  await fc.assert(
    fc.asyncProperty(messages, fc.option(format, { nil: null }), fc.boolean(), async (all, configured, inOne) => {
      const events = all.map(message => ({ message: textOf(message) }))
      const document = inOne
        ? JSON.stringify({ messageType: 'DATA_MESSAGE', logEvents: events })
        : events.map(event => JSON.stringify(event)).join('\n')
      const { text, headers } = await producedOf(document, configured)
      const plain = documentLines(document, configured ?? undefined)
      assert.equal(plain?.text, text)
      const wanted = expected(all, configured)
      // nothing says what the columns of a line before the first header line are
      fc.pre(!wanted.includes(null))
      const found: string[] = []
      let current = configured
      for (const line of text.trimEnd().split('\n'))
        if (headers.isHeader(line, current)) current = line
        else found.push(current!)
      assert.deepEqual(found, wanted, text)
      const reading = readPlainly(Buffer.from(document), 65_536, configured ?? undefined)
      const whole = text.trimEnd().split('\n').length
      assert.ok(reading.ok && reading.tally.lines === whole && reading.tally.headers === whole - wanted.length, text)
    }),
    { numRuns: 1000 },
  )
})
