/** What `flowloom dead-letters` makes of its words, its lines and its bytes; the broker is not needed for that. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ReplayAttempts } from '../../../audit/replay-attempts.ts'
import { deadLettersCommand, parseLine } from '../../../cli/dead-letters.ts'
import { parsePlace } from '../../../cli/arguments/s3-place.ts'
import { escapeBytes, formatReport, formatSummary, hexDump } from '../../../cli/print/letter-text.ts'
import { describeFilter } from '../../../cli/print/filter.ts'
import { anyLetter, LetterSummary, matches, type Letter } from '../../../operations/dead-letters/letters.ts'
import { LineCheck } from '../../../processors/enrich/line-check.ts'

const objectId = Buffer.from('00ab3c4d5e6f7081', 'hex')

const letter = (part: Partial<Letter['letter']> = {}, recordedMs = 1000): Letter => ({
  object: { bucket: 'logs', key: 'AWSLogs/1/a.log.gz' },
  recordedMs,
  letter: {
    ...{ etag: 'e', objectId, line: 7, stage: 'enrich', reason: 'bad-number', detail: 'bytes "x"', header: 'version' },
    ...{ bytes: Buffer.from('2'), length: 1, sha256: null, attempt: 0 },
    ...part,
  },
})

test('a dead letter is open until its line is sent back, and again when it is refused again', () => {
  const replays = new ReplayAttempts()
  const first = letter().letter
  assert.ok(replays.isOpen(first))
  replays.note(first, 1)
  assert.ok(!replays.isOpen(first))
  assert.ok(replays.isOpen({ ...first, attempt: 1 }))
  assert.ok(replays.isOpen({ ...first, line: 8 }), 'another line')
  replays.note(first, 2)
  replays.note(first, 1)
  assert.equal(replays.of(first), 2, 'an older record changes nothing')
  assert.ok(!replays.isOpen({ ...first, attempt: 1 }))
})

describe('filters', () => {
  const table: { name: string; filter: Partial<typeof anyLetter>; expect: boolean }[] = [
    { name: 'none', filter: {}, expect: true },
    { name: 'a reason', filter: { reasons: ['bad-address', 'bad-number'] }, expect: true },
    { name: 'another reason', filter: { reasons: ['bad-address'] }, expect: false },
    ...[
      { prefix: 'AWSLogs/1/', expect: true },
      { prefix: '/AWSLogs/1/', expect: true },
      { prefix: 'AWSLogs/2/', expect: false },
      { prefix: 's3://logs/AWSLogs/', expect: true },
      { prefix: 'S3://logs/AWSLogs/', expect: true },
      { prefix: 's3://logs//AWSLogs/', expect: true },
      { prefix: 's3://logs', expect: true },
      { prefix: 's3://log/AWSLogs/', expect: false },
      // replay sent back lines of the bucket "logs" when "log" was meant
      { prefix: 's3://log', expect: false },
      { prefix: '', expect: true },
    ].map(({ prefix, expect }) => ({ name: `--prefix "${prefix}"`, filter: { place: parsePlace(prefix, 'dead-letters') }, expect })),
    { name: 'the very time', filter: { sinceMs: 1000 }, expect: true },
    { name: 'a later time', filter: { sinceMs: 1001 }, expect: false },
  ]
  for (const { name, filter, expect } of table) test(name, () => assert.equal(matches({ ...anyLetter, ...filter }, letter()), expect))
})

test('the summary counts every refusal and keeps the newest open examples', () => {
  const replays = new ReplayAttempts()
  replays.note({ objectId, line: 9 }, 1)
  const summary = new LetterSummary(replays, false)
  for (const [line, recordedMs] of [
    [1, 5000],
    [2, 9000],
    [3, 7000],
    [4, 8000],
    [9, 99_000],
  ] as const)
    summary.add(letter({ line }, recordedMs))
  summary.add(letter({ reason: 'bad-time' }))
  assert.deepEqual(
    summary.reasons.map(({ reason, open, replayed, newest }) => [reason, open, replayed, newest.map(entry => entry.letter.line)]),
    [
      ['bad-number', 4, 1, [2, 4, 3]],
      ['bad-time', 1, 0, [7]],
    ],
  )
  assert.match(
    formatSummary(summary.reasons),
    /^bad-number {2}4 open, 1 sent back since\n {2}1970-01-01T00:00:09\.000Z {2}s3:\/\/logs\/AWSLogs\/1\/a\.log\.gz:2 /,
  )
  assert.match(formatSummary(summary.reasons), /\n5 lines are dead letters; 1 refusal was sent back since$/)
  assert.equal(formatSummary([]), 'no line is a dead letter')
})

test('what was narrowed is said with the answer, and how a place was understood', () => {
  const filter = describeFilter({ reason: ['bad-number', 'bad-time'], prefix: parsePlace('logs/a', 'dead-letters'), since: undefined })
  assert.equal(
    formatSummary([], filter),
    'with --reason bad-number,bad-time --prefix logs/a (keys of any bucket; one bucket is s3://bucket/prefix): no line is a dead letter',
  )
  assert.deepEqual(filter.json, { reason: ['bad-number', 'bad-time'], prefix: 'logs/a', since: null })
  const bucket = describeFilter({ reason: [], prefix: parsePlace('s3://logs', 'dead-letters'), since: '2026-11-16T00:00:00Z' })
  assert.match(
    formatReport({ sent: 0, left: {} }, false, bucket),
    /^with --prefix s3:\/\/logs\/ --since 2026-11-16T00:00:00Z: no line to send back/,
  )
  assert.deepEqual(describeFilter({ reason: [], prefix: undefined, 'flow-log': undefined }), {
    text: '',
    json: { reason: null, prefix: null, flowLog: null },
  })
})

test('bytes are escaped, and dumped in rows of 16', () => {
  assert.equal(escapeBytes(Buffer.from([0, 10, 27, 65, 92, 126, 127, 255])), '\\x00\\x0a\\x1bA\\\\~\\x7f\\xff')
  assert.equal(
    hexDump(Buffer.from('0123456789abcdef\x00é')),
    '00000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  |0123456789abcdef|\n' + `00000010  00 c3 a9${' '.repeat(39)}  |...|`,
  )
  assert.equal(hexDump(Buffer.alloc(0)), '')
})

test('the report names what is left and what to do', () => {
  const text = formatReport({ sent: 3, left: { cut: { count: 7, examples: ['s3://b/k:1'] } } }, true)
  assert.match(
    text,
    /^7 left: only their first bytes are kept; .*\n {2}s3:\/\/b\/k:1\n {2}\.\.\. and 6 more\n3 lines would be sent back, nothing done$/,
  )
})

describe('the line check says what enrich would', () => {
  const check = new LineCheck()
  const header = 'version account-id srcaddr dstaddr bytes'
  const table: { name: string; header?: string; line: string | Buffer; number?: number; expect: string | undefined }[] = [
    { name: 'a good line', line: '2 1 10.0.0.1 10.0.0.2 5', expect: undefined },
    { name: 'a bad number', line: '2 1 10.0.0.1 10.0.0.2 5x', expect: 'bad-number' },
    { name: 'too few fields', line: '2 1', expect: 'too-few-fields' },
    { name: 'a good line after a bad one', line: '2 1 10.0.0.1 10.0.0.2 6', expect: undefined },
    { name: 'a header that says nothing', header: 'one two', line: '2 1', expect: 'no-columns' },
    { name: 'bytes that are no text', line: Buffer.from('2 \xff 10.0.0.1 10.0.0.2 5', 'latin1'), expect: 'invalid-utf8' },
    { name: 'a byte-order mark before the first line', line: '\ufeff2 1 10.0.0.1 10.0.0.2 5', number: 1, expect: undefined },
    { name: 'a byte-order mark before a later line', line: '\ufeff2 1 10.0.0.1 10.0.0.2 5', expect: 'bad-number' },
  ]
  for (const { name, line, number = 7, expect, ...rest } of table)
    test(name, () => assert.equal(check.refusal('AWSLogs/x.log.gz', rest.header ?? header, Buffer.from(line), number), expect))
})

describe('the words', () => {
  const refused = async (positionals: string[], values: Record<string, string | boolean | string[]> = {}): Promise<void> => {
    const input = { values, positionals, signal: new AbortController().signal }
    await assert.rejects(async () => deadLettersCommand.run(input), { code: 'USAGE' })
  }
  test('what is no word is refused before anything is opened', async () => {
    await refused(['delete'])
    await refused(['list', 'more'])
    await refused(['show'])
    await refused(['show', 's3://bucket/key'])
    await refused(['list'], { force: true })
    await refused(['replay'], { all: true })
    await refused(['replay'], { 'max-attempts': '0' })
    await refused(['replay'], { since: 'yesterday' })
    for (const option of ['reason', 'prefix', 'since']) await refused(['show', 's3://b/k:1'], { [option]: option })
    await refused(['list'], { reason: ['bad-number,bad-adress'] })
    const input = { values: { reason: ['bad-adress'] }, positionals: [], signal: new AbortController().signal }
    await assert.rejects(
      async () => deadLettersCommand.run(input),
      /there is no reason "bad-adress": did you mean bad-address\? There are /,
    )
  })
  test('a line is named by object or by object version id', () => {
    assert.deepEqual(parseLine('s3://b/a:1/c.log:12'), { object: 's3://b/a:1/c.log', line: 12 })
    assert.deepEqual(parseLine('S3://b/A:12'), { object: 's3://b/A', line: 12 })
    assert.deepEqual(parseLine('00AB3C4D5E6F7081:3'), { object: '00ab3c4d5e6f7081', line: 3 })
  })
})
