/** Two readers of documents with lines in them, written apart: what fetch publishes, and what the audit counts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { documentLines } from '../../audit/plain-documents.ts'
import { readPlainly } from '../../audit/plain-reader.ts'
import { unwrapped } from '../../producers/s3/text/envelope-text.ts'
import { FlowError } from '../../runtime/errors.ts'
import { FetchBench, header, keyOf, settle } from '../support/s3/fetch-cases.ts'

const flow = '2 123456789012 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 40 1 2 ACCEPT OK'
const message = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(flow, `${flow}\n`, header, '', 'x y', `${flow}\n${flow}`, `a "quoted" } { \\ ${flow}`) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
)
const value = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<unknown>(1, null, true, 'x', '}{', '\\"', [{ a: '}' }], { message: 'inner' }, { b: { c: [] } }) },
  { weight: 1, arbitrary: fc.jsonValue() },
)
/** Keys that stand before, between and behind those that matter. */
const others = fc.dictionary(fc.constantFrom('t', 'owner', 'logGroup', 'a"b', '}', 'message ', 'Message', 'timestamp'), value)
const events = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.tuple(others, message).map(([rest, text]): unknown => ({ ...rest, message: text })) },
    { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 5, {}, { message: 5 }) },
  ),
  { maxLength: 4 },
)
const core = fc.oneof(
  { weight: 4, arbitrary: message.map((text): object => ({ message: text })) },
  { weight: 4, arbitrary: events.map((logEvents): object => ({ messageType: 'DATA_MESSAGE', logEvents })) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<object>(
      { messageType: 'CONTROL_MESSAGE', logEvents: [] },
      { messageType: 'OTHER', logEvents: [] },
      { messageType: null, message: flow },
      { messageType: 'DATA_MESSAGE', logEvents: {} },
      { message: 7 },
      {},
    ),
  },
)
const space = fc.constantFrom('', '', ' ', '\n', '\r\n\t ')
/** A document with its keys in any order, and written with any white space. */
const document = fc
  .tuple(core, others, fc.infiniteStream(fc.nat(9)), fc.constantFrom(undefined, 1, '\t'), space)
  .map(([wanted, rest, ranks, indent, inside]) => {
    const pairs = Object.entries({ ...rest, ...wanted }).map(pair => ({ pair, rank: ranks.next().value as number }))
    const ordered = Object.fromEntries(pairs.sort((a, b) => a.rank - b.rank).map(({ pair }) => pair))
    return JSON.stringify(ordered, null, indent).replace(/^\{/, `{${inside}`)
  })
const damage = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('}', '{"message":', '{"message":"2 1', '{}}', ',', '[', ']', '\ufeff', '\u00a0', '\0', '"', '\f'),
  },
  { weight: 1, arbitrary: fc.tuple(document, fc.nat(200)).map(([text, at]) => text.slice(0, at)) },
  { weight: 1, arbitrary: fc.tuple(document, fc.nat(200)).map(([text, at]) => text.slice(at)) },
  { weight: 1, arbitrary: fc.string({ maxLength: 10 }) },
)
const content = fc
  .tuple(
    space,
    fc.array(
      fc.tuple(
        fc.oneof(
          { weight: 5, arbitrary: document },
          {
            weight: 1,
            arbitrary: damage,
          },
        ),
        space,
      ),
      { maxLength: 8 },
    ),
  )
  .map(([before, parts]) => Buffer.from(before + parts.flat().join('')))
const chunkBytes = fc.integer({ min: 1, max: 300 })

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  await Promise.resolve()
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** What fetch makes of a text: lines, and parts that are not documents; undefined if it takes the text as it is. */
async function fetched(bytes: Buffer, size: number): Promise<{ text: string; dead: number } | undefined> {
  const parts: Buffer[] = []
  let dead = 0
  for await (const part of unwrapped(chunksOf(bytes, size), { bucket: 'b', key: 'k' })) {
    if (Buffer.isBuffer(part)) parts.push(part)
    else dead++
  }
  const all = Buffer.concat(parts)
  return dead === 0 && all.equals(bytes) ? undefined : { text: all.toString(), dead }
}

/** Texts that one of the two once read in another way. */
const kept: [string, number][] = [
  ['{"t":1,"message":"a"}{"t":2,"message":"b"}', 5],
  ['{"owner":"1","messageType":"DATA_MESSAGE","logEvents":[{"message":"a"}]}', 7],
  ['{"message":"a"} damaged {"message":"b"}', 9],
  ['{"message":"a"}{"message":"2 1{"message":"b"}', 9],
  ['{"message":"a"}{"messageType":"OTHER"}{"messageType":null}', 9],
  ['{"message":"a"}\0{"message":"b"}\u00a0', 3],
  ['\f{"message":"a"}', 3],
  ['{ "a" : { "message" : "x" } , "message" : "}" }\n\n', 4],
]

test('the audit reports differences that are none: documents in any order of keys, nested, damaged, are read as fetch reads them', async () => {
  await fc.assert(
    fc.asyncProperty(content, chunkBytes, async (bytes, size) => {
      const plain = documentLines(bytes.toString())
      const all = await fetched(bytes, size).catch((error: unknown) => error)
      if (all instanceof FlowError) {
        assert.equal(readPlainly(bytes, 1024).ok, false, all.message)
        return
      }
      // a text without anything to unwrap is the same either way
      const { headers: _made, ...counted } = plain ?? {}
      if (plain !== undefined || all !== undefined) assert.deepEqual(all ?? { text: bytes.toString(), dead: 0 }, counted)
    }),
    { numRuns: 2000, seed: 33, examples: kept.map(([text, size]): [Buffer, number] => [Buffer.from(text), size]) },
  )
})

test('an object of such documents has as many lines, flows and dead letters for the audit as fetch has published', async () => {
  const key = keyOf('documents')
  await fc.assert(
    fc.asyncProperty(content, async bytes => {
      const bench = new FetchBench({ sources: [{ bucket: 'flow-logs', format: header }] })
      const stored = Buffer.concat([Buffer.from(JSON.stringify({ owner: 1, message: flow })), bytes])
      await bench.putAndAnnounce(key, stored)
      const task = await bench.cluster.startTask(bench.role, 0)
      await task.drain()
      await settle(task)
      await task.stop()
      const reading = readPlainly(stored, 1024, header)
      const { state, lines, headerLines, deadLines } = bench.ledger(key)!
      assert.ok(reading.ok && state === 'done')
      assert.deepEqual([lines, headerLines], [reading.tally.lines, reading.tally.headers])
      assert.ok(deadLines <= reading.tally.dead, 'enrich finds the other dead lines')
    }),
    { numRuns: 60, seed: 33 },
  )
})
