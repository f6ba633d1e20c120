/** Dead letters as text and as JSON. Bytes of others are escaped: they must not steer a terminal. */
import { counted } from '../../runtime/counted.ts'
import type { Letter, ReasonSummary } from '../../operations/dead-letters/letters.ts'
import { objectUri } from '../../operations/dead-letters/letters.ts'
import type { LeftReason, SendBackReport } from '../../operations/dead-letters/send-back.ts'
import { everything, narrowed, type Filter } from './filter.ts'
import { isoMs } from './json.ts'

/** Printable ASCII as it is, anything else as `\xNN`. */
export const escapeBytes = (bytes: Uint8Array): string =>
  Array.from(bytes, byte =>
    byte === 92 ? '\\\\' : byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('')

const escapeText = (text: string): string => escapeBytes(Buffer.from(text))

/** Offset, 16 bytes in hex, the same as text. */
export function hexDump(bytes: Buffer): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16)
    const hex = Array.from(part, byte => byte.toString(16).padStart(2, '0')).join(' ')
    const text = Array.from(part, byte => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  |${text}|`)
  }
  return lines.join('\n')
}

const where = ({ object, letter }: Letter): string => `${escapeText(objectUri(object))}:${letter.line}`
const attemptText = (attempt: number): string =>
  attempt === 0 ? '' : `, after it was sent back ${attempt === 1 ? 'once' : `${attempt} times`}`

/** The list of `flowloom dead-letters`. */
export function formatSummary(reasons: readonly ReasonSummary[], filter: Filter = everything): string {
  const open = reasons.reduce((sum, summary) => sum + summary.open, 0)
  const replayed = reasons.reduce((sum, summary) => sum + summary.replayed, 0)
  const width = Math.max(0, ...reasons.map(({ reason }) => reason.length))
  const lines = reasons.flatMap(summary => [
    `${summary.reason.padEnd(width)}  ${summary.open} open${summary.replayed === 0 ? '' : `, ${summary.replayed} sent back since`}`,
    ...summary.newest.map(
      entry => `  ${isoMs(entry.recordedMs)}  ${where(entry)}  ${escapeText(entry.letter.detail)}${attemptText(entry.letter.attempt)}`,
    ),
  ])
  return [
    ...lines,
    ...(lines.length === 0 ? [] : ['']),
    narrowed(
      filter,
      `${open === 0 ? 'no line is a dead letter' : counted(open, 'line is a dead letter', 'lines are dead letters')}${replayed === 0 ? '' : `; ${counted(replayed, 'refusal was', 'refusals were')} sent back since`}`,
    ),
  ].join('\n')
}

/** One dead letter in full. */
export function formatLetter(entry: Letter, open: boolean): string {
  const { letter } = entry
  const kept =
    letter.bytes.length === letter.length ? counted(letter.length, 'byte') : `the first ${letter.bytes.length} of ${letter.length} bytes`
  return [
    where(entry),
    `  object    version ${letter.objectId.toString('hex')}, ETag ${escapeText(letter.etag)}`,
    `  refused   ${isoMs(entry.recordedMs)} by ${letter.stage}${attemptText(letter.attempt)}; ${open ? 'open' : 'sent back since'}`,
    `  reason    ${letter.reason}: ${escapeText(letter.detail)}`,
    `  header    ${letter.header === null ? 'none' : escapeText(letter.header)}`,
    `  line      ${escapeBytes(letter.bytes)}`,
    ...(letter.sha256 === null ? [] : [`  sha-256   ${letter.sha256.toString('hex')}`]),
    `  bytes     ${kept}`,
    hexDump(letter.bytes),
  ].join('\n')
}

/** One dead letter for programs. */
export const letterJson = ({ object, letter, recordedMs }: Letter, open: boolean): Record<string, unknown> => ({
  bucket: object.bucket,
  key: object.key,
  objectId: letter.objectId.toString('hex'),
  etag: letter.etag,
  line: letter.line,
  recordedAt: isoMs(recordedMs),
  stage: letter.stage,
  reason: letter.reason,
  detail: letter.detail,
  attempt: letter.attempt,
  state: open ? 'open' : 'replayed',
  header: letter.header,
  length: letter.length,
  bytesBase64: letter.bytes.toString('base64'),
  text: escapeBytes(letter.bytes),
  sha256: letter.sha256?.toString('hex') ?? null,
})

const leftTexts: Record<LeftReason, string> = {
  'still-refused': 'the parser of this version refuses them too; --force sends them back all the same',
  cut: 'only their first bytes are kept; if you need them, cut the line out of the object and upload it with its header as a new object',
  'no-header': 'nothing says what their columns are; if you need them, upload them with a header line as a new object',
  attempts: 'they were sent back as often as --max-attempts says',
}

function sentText(sent: number, dryRun: boolean): string {
  if (sent === 0) return 'no line to send back: nothing done'
  return `${counted(sent, 'line')} ${dryRun ? 'would be sent back, nothing done' : 'sent back; enrich reads them now'}`
}

/** What `flowloom dead-letters replay` did. */
export function formatReport({ sent, left }: SendBackReport, dryRun: boolean, filter: Filter = everything): string {
  const lines = Object.entries(left).flatMap(([reason, { count, examples }]) => [
    `${count} left: ${leftTexts[reason as LeftReason]}`,
    ...examples.map(example => `  ${escapeText(example)}`),
    ...(count > examples.length ? [`  ... and ${count - examples.length} more`] : []),
  ])
  return [...lines, narrowed(filter, sentText(sent, dryRun))].join('\n')
}
