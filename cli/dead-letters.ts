/** `flowloom dead-letters`: lines that could not be read: which, why, and another try after a fix. */
import { findLetters, summarize, type LetterFilter } from '../operations/dead-letters/letters.ts'
import { knownReasons } from '../operations/dead-letters/reasons.ts'
import { sendBack } from '../operations/dead-letters/send-back.ts'
import { openSession, type Session } from '../operations/session.ts'
import { anyPlace } from '../operations/s3-place.ts'
import { FlowError } from '../runtime/errors.ts'
import { namesText } from '../runtime/nearest-name.ts'
import { configOption, type Command, type CommandInput } from './arguments/command.ts'
import { parsePlace } from './arguments/s3-place.ts'
import { parseTime } from './arguments/times.ts'
import { describeFilter, type Filter } from './print/filter.ts'
import { formatJson, isoTime } from './print/json.ts'
import { formatLetter, formatReport, formatSummary, letterJson } from './print/letter-text.ts'

const name = 'dead-letters'
const defaultMaxAttempts = 3
const wordNames = ['list', 'show', 'replay']

type Values = CommandInput['values']

const usage = (detail: string): FlowError => new FlowError('USAGE', { detail, command: name })

/** Options that not every word takes, and the words that do. */
const belongsTo: Readonly<Record<string, readonly string[]>> = {
  reason: ['list', 'replay'],
  prefix: ['list', 'replay'],
  since: ['list', 'replay'],
  'dry-run': ['replay'],
  force: ['replay'],
  'max-attempts': ['replay'],
  all: ['list'],
}

/** Rejects unknown reasons: an empty list would look like good news. */
function reasonsOf(values: Values): string[] {
  const reasons = ((values['reason'] as string[] | undefined) ?? []).flatMap(text => text.split(',')).filter(text => text !== '')
  const unknown = reasons.find(reason => !knownReasons.includes(reason))
  if (unknown !== undefined) throw usage(`there is no reason "${unknown}": ${namesText(unknown, knownReasons)}`)
  return reasons
}

/** Which dead letters are meant, and how answers say it. */
function filterOf(values: Values): { filter: LetterFilter; told: Filter } {
  const since = values['since'] as string | undefined
  const prefix = values['prefix'] as string | undefined
  const reason = reasonsOf(values)
  const place = prefix === undefined ? undefined : parsePlace(prefix, name)
  const sinceS = since === undefined ? undefined : parseTime(since, { command: name, option: 'since', nowS: Date.now() / 1000 })
  return {
    filter: { reasons: reason, place: place ?? anyPlace, sinceMs: (sinceS ?? 0) * 1000 },
    told: describeFilter({ reason, prefix: place, since: sinceS === undefined ? undefined : isoTime(sinceS) }),
  }
}

function maxAttemptsOf(values: Values): number {
  const text = (values['max-attempts'] as string | undefined) ?? String(defaultMaxAttempts)
  if (!/^[1-9]\d{0,5}$/.test(text)) throw usage(`"${text}" is not a number of attempts; write a whole number, such as 3`)
  return Number(text)
}

/**
 * Reads which line is meant: `s3://bucket/key:LINE`, or `OBJECT-ID:LINE`.
 *
 * @throws FlowError USAGE.
 */
export function parseLine(text: string | undefined): { object: string; line: number } {
  const [, object, line] = /^(s3:\/\/[^/]+\/.+|[0-9a-f]{16}):(\d{1,9})$/is.exec(text ?? '') ?? []
  if (object === undefined)
    throw usage('say which line: `dead-letters show s3://bucket/key:LINE`, or the object version id instead of its name')
  return { object: /^s3:/i.test(object) ? `s3${object.slice(2)}` : object.toLowerCase(), line: Number(line) }
}

async function list(session: Session, values: Values): Promise<number> {
  const { filter, told } = filterOf(values)
  const reasons = await summarize(session, filter, values['all'] === true)
  if (values['json'] === true) {
    const shown = reasons.map(({ newest, ...counts }) => ({ ...counts, newest: newest.map(entry => letterJson(entry, entry.open)) }))
    console.log(formatJson({ filter: told.json, reasons: shown }))
  } else console.log(formatSummary(reasons, told))
  return 0
}

async function show(session: Session, values: Values, text: string | undefined): Promise<number> {
  const { object, line } = parseLine(text)
  const found = await findLetters(session, object, line)
  if (values['json'] === true) console.log(formatJson(found.map(entry => letterJson(entry, entry.open))))
  else if (found.length === 0) console.log(`line ${line} of ${object} is not a dead letter, or the topic no longer holds it`)
  else console.log(found.map(entry => formatLetter(entry, entry.open)).join('\n\n'))
  return found.length === 0 ? 1 : 0
}

async function replay(session: Session, values: Values): Promise<number> {
  const dryRun = values['dry-run'] === true
  const maxAttempts = maxAttemptsOf(values)
  const { filter, told } = filterOf(values)
  const report = await sendBack(session, { filter, force: values['force'] === true, maxAttempts, dryRun })
  console.log(values['json'] === true ? formatJson({ dryRun, filter: told.json, ...report }) : formatReport(report, dryRun, told))
  return 0
}

/** The command. */
export const deadLettersCommand: Command = {
  name,
  summary: 'lines that could not be read: list them, show their bytes, send them back after a fix',
  words: '[list | show <object>:<line> | replay]',
  options: {
    config: configOption,
    reason: { type: 'string', multiple: true, value: 'REASON', doc: 'only these reasons; several separated by commas' },
    prefix: { type: 'string', value: 's3://bucket/prefix', doc: 'only objects there; without s3://bucket/, of any bucket' },
    since: {
      type: 'string',
      value: 'TIME',
      doc: 'only what was recorded since then: ISO 8601 (UTC if no zone is given) or Unix seconds',
    },
    all: { type: 'boolean', doc: 'list: show examples that were sent back since, too' },
    'dry-run': { type: 'boolean', doc: 'replay: only say what would be sent back and what left' },
    force: { type: 'boolean', doc: 'replay: also lines that the parser of this version refuses' },
    'max-attempts': { type: 'string', value: 'N', doc: `replay: leave lines that were sent back so often; default ${defaultMaxAttempts}` },
    json: { type: 'boolean', doc: 'print JSON' },
  },
  details:
    'replay puts whole lines with a known header into raw-lines again, under their object version and line number, so that a fixed enrich reads\nthem. It is exactly once: repeated, killed and repeated, or run twice at once, each line comes in once. A line that is refused again is a dead\nletter again, with the number of its attempt. show: exit code 1 if the line is not a dead letter.',
  async run({ values, positionals, signal }) {
    const [word = 'list', ...rest] = positionals
    if (!wordNames.includes(word)) throw usage(`there is no \`${name} ${word}\`: ${namesText(word, wordNames)}`)
    if (rest.length > (word === 'show' ? 1 : 0)) throw usage(`too many words after \`${word}\``)
    for (const [option, owners] of Object.entries(belongsTo))
      if (values[option] !== undefined && !owners.includes(word))
        throw usage(`--${option} belongs to ${owners.map(owner => `\`${name} ${owner}\``).join(' and ')}`)
    if (word === 'show') parseLine(rest[0])
    filterOf(values)
    maxAttemptsOf(values)
    const session = await openSession({ file: values['config'] as string | undefined }, signal)
    try {
      if (word === 'show') return await show(session, values, rest[0])
      return await (word === 'replay' ? replay : list)(session, values)
    } finally {
      await session.cluster.close()
    }
  },
}
