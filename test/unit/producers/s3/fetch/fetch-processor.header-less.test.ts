import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { readPlainly } from '../../../../../audit/plain-reader.ts'
import { headerOfFormat, namesBeforeDescribed } from '../../../../../producers/s3/text/log-format.ts'
import { unwrapped } from '../../../../../producers/s3/text/envelope-text.ts'
import { bucket, FetchBench, header, keyOf, numbered } from '../../../../support/s3/fetch-cases.ts'

const format = header
  .split(' ')
  .map(name => `\${${name}}`)
  .join(' ')
const sources = [{ bucket, prefix: '', format }]
const key = keyOf('cloudwatch')
const data = (...messages: string[]): string =>
  JSON.stringify({ messageType: 'DATA_MESSAGE', owner: '1', logEvents: messages.map((message, id) => ({ id: `${id}{"}`, message })) })
/** What a flow log that goes to Firehose directly writes, without a line end between two. */
const direct = (...messages: string[]): string => messages.map(message => JSON.stringify({ message })).join('')
const control = JSON.stringify({ messageType: 'CONTROL_MESSAGE', logEvents: [{ message: 'CWL CONTROL MESSAGE: Checking health' }] })

for (const [written, names] of [
  ['${version} ${srcaddr}', 'version srcaddr'],
  ['version  srcaddr, new-one', 'version srcaddr new-one'],
  ['${made} ${up}', undefined],
  ['Version srcaddr', undefined],
  ['', undefined],
] as const)
  test(`the format "${written}" is ${names ?? 'refused'}`, () => assert.equal(headerOfFormat(written), names))

for (const [written, names] of [
  ['describe', ''],
  [' exported  describe ', 'exported '],
  ['stream exported describe', 'stream exported '],
  ['describe exported', undefined],
  ['version describe', undefined],
  ['${exported} describe', undefined],
  [undefined, undefined],
] as const)
  test(`the format "${written}" asks EC2 for ${names === undefined ? 'nothing' : `what stands behind "${names}"`}`, () =>
    assert.equal(namesBeforeDescribed(written), names))

const lines = numbered(7, 1)
const cases: { name: string; body: Buffer | string; lines: string[]; dead?: number[]; headers?: number }[] = [
  { name: 'lines without a header', body: lines.join('\n'), lines },
  { name: 'lines with one: it wins', body: ['bytes srcaddr', '5 10.0.0.1'].join('\n'), lines: ['5 10.0.0.1'], headers: 1 },
  { name: 'envelopes', body: `${data(...lines.slice(0, 3))}\n${control}${data()}${data(...lines.slice(3))}`, lines },
  {
    name: 'envelopes compressed one by one',
    body: Buffer.concat([gzipSync(data(...lines.slice(0, 3))), gzipSync(control), gzipSync(data(...lines.slice(3)))]),
    lines,
  },
  { name: 'such, compressed again as a whole', body: gzipSync(Buffer.concat([gzipSync(data(...lines)), gzipSync(control)])), lines },
  { name: 'records of a flow log that goes to Firehose directly', body: direct(...lines), lines },
  {
    name: 'such records, compressed, with line ends and a broken one between them',
    body: gzipSync(`${direct(...lines.slice(0, 3))}\n{"message":2}\n${direct(...lines.slice(3))}\n`),
    lines,
    dead: [4],
  },
  {
    name: 'a broken document between two and a cut one at the end',
    body: `${data(...lines.slice(0, 3))}{"messageType":nothing}${data(...lines.slice(3))}{"messageType":"DATA_ME`,
    lines,
    dead: [4, 9],
  },
]
for (const { name, body, lines: expected, dead = [], headers = 0 } of cases)
  test(`reads ${name} with the configured format`, async () => {
    const bench = new FetchBench({ sources })
    bench.store.pieceBytes = 50
    await bench.putAndAnnounce(key, body)
    await bench.run()
    const ledger = bench.ledger(key)!
    assert.deepEqual(
      bench.lines(key).map(({ text }) => text),
      expected,
    )
    const numbers = [...bench.lines(key).map(({ line }) => line), ...dead]
    assert.deepEqual(
      numbers.sort((a, b) => a - b),
      Array.from({ length: expected.length + dead.length }, (_unused, i) => i + 1 + headers),
    )
    assert.deepEqual(
      bench.cluster.readCommitted('deadLetters').map(({ value }) => `${value!.line} ${value!.reason}`),
      dead.map(line => `${line} bad-document`),
    )
    assert.deepEqual([ledger.state, ledger.lines, ledger.headerLines], ['done', numbers.length + headers, headers])
    if (headers === 0) assert.ok(bench.cluster.readCommitted('rawLines').every(record => record.headers['header'] === header))
    const plain = readPlainly(Buffer.from(body), 1024, format)
    assert.ok(plain.ok)
    assert.deepEqual([plain.tally.lines, plain.tally.flows, plain.tally.dead], [ledger.lines, expected.length, dead.length])
  })

test('the format of a source whose prefix begins with a slash counts', async () => {
  const bench = new FetchBench({ sources: [{ bucket, prefix: '/logs', format }] })
  const below = `logs/${key}`
  await bench.putAndAnnounce(below, lines.join('\n'))
  await bench.run()
  assert.deepEqual([bench.ledger(below)?.state, bench.ledger(below)?.lines], ['done', lines.length])
})

for (const [name, body, configured] of [
  ['lines without a header', lines.join('\n'), undefined],
  ['envelopes', data(...lines), undefined],
  ['lines of a source with another prefix', lines.join('\n'), [{ bucket, prefix: 'elsewhere', format }]],
  ['lines of a folder whose name only begins like the prefix', lines.join('\n'), [{ bucket, prefix: 'AWS', format }]],
  ['records of Firehose', direct(...lines), undefined],
  ['JSON that is no envelope', '{"Records":[]}', undefined],
] as const)
  test(`without a format, ${name} are recorded as failed and never guessed`, async () => {
    const bench = new FetchBench(configured === undefined ? {} : { sources: configured })
    await bench.putAndAnnounce(key, body)
    await bench.run()
    assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode], ['failed', 'OBJECT_NO_HEADER'])
    assert.equal(bench.lines(key).length, 0)
  })

test('wherever a task is killed, envelopes are gone on with at the next line', async () => {
  const all = numbered(6000, 1)
  const documents = Array.from({ length: 60 }, (_unused, i) => data(...all.slice(100 * i, 100 * i + 100)))
  documents.splice(20, 0, '{broken}')
  const bench = new FetchBench({ sources })
  await bench.putAndAnnounce(key, gzipSync(documents.join('')))
  const kills = await bench.runKilled(key, { chunks: 1, tries: 50 })
  assert.ok(kills > 2, `${kills} kills`)
  assert.deepEqual(
    bench.lines(key),
    all.map((text, i) => ({ line: i < 2000 ? i + 1 : i + 2, text })),
  )
  assert.deepEqual(
    bench.cluster.readCommitted('deadLetters').map(({ value }) => value!.line),
    [2001],
  )
})

test('a document beyond the bound is one dead letter and is never held', async () => {
  const parts: string[] = []
  const large = data('x'.repeat(5000))
  const pieces = function* () {
    const all = Buffer.from(`${data('a')}${large}${data('b')}`)
    for (let at = 0; at < all.length; at += 100) yield all.subarray(at, at + 100)
  }
  async function* chunks() {
    for (const piece of pieces()) yield await Promise.resolve(piece)
  }
  for await (const part of unwrapped(chunks(), { bucket: 'b', key: 'k' }, 1000))
    parts.push(Buffer.isBuffer(part) ? part.toString() : `${part.reason} ${part.length}`)
  assert.deepEqual(parts, ['a\n', `document-too-large ${large.length}`, 'b\n'])
})
