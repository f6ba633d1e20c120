/** ZIP and Snappy: what Firehose and others store is read, whatever the pieces; what lies is broken, in bounded memory and time. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { unpackPlainly } from '../../../../../audit/plain-unpack.ts'
import { textChunks } from '../../../../../producers/s3/text/object-text.ts'
import { FlowError } from '../../../../../runtime/errors.ts'
import { snappyBlock, snappyFramed, snappyHadoop, snappyJava, zipOf } from '../../../../support/files/packed-objects.ts'

const name = { bucket: 'b', key: 'k' }
const golden = (file: string): Buffer => readFileSync(join(import.meta.dirname, '../../../../golden/packed', file))

async function textOf(body: Buffer | Readable): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of textChunks(body, name)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

const inPieces = (body: Buffer, size: number): Readable =>
  Readable.from(
    (function* () {
      for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size)
    })(),
    { objectMode: false },
  )

const line = (i: number): string =>
  `2 123456789012 eni-${i} 10.0.0.${i % 250} 10.1.0.1 ${i * 7919} 443 6 ${i} ${i * 40} 1796004000 1796004060 ACCEPT OK\n`
const lines = (count: number): string => Array.from({ length: count }, (_unused, i) => line(i)).join('')

const ways = [
  { name: 'ZIP', pack: (text: Buffer) => zipOf([text]) },
  { name: 'ZIP with lengths behind the file', pack: (text: Buffer) => zipOf([text], { descriptor: true }) },
  { name: 'ZIP, not compressed', pack: (text: Buffer) => zipOf([text], { stored: true }) },
  { name: 'Snappy, framed', pack: snappyFramed },
  { name: 'Snappy of snappy-java', pack: snappyJava },
  { name: 'Snappy of Hadoop', pack: snappyHadoop },
  { name: 'Snappy, raw', pack: (text: Buffer) => snappyBlock(text) },
] as const

describe('packed objects', () => {
  for (const { name: way, pack } of ways) {
    test(`${way}: the text, whatever the pieces`, async () => {
      for (const count of [1, 20, 3000, 20_000]) {
        const text = Buffer.from(lines(count))
        const body = pack(text)
        for (const size of count > 3000 ? [65_536] : count > 20 ? [70_001, 997] : [4096, 7, 1])
          assert.ok((await textOf(inPieces(body, size))).equals(text), `${count} ${size}`)
        assert.ok((await textOf(body)).equals(text))
        assert.ok(unpackPlainly(body).equals(text), 'the plain reader')
      }
    })

    test(`${way}: cut anywhere, it is broken, and nothing else`, async () => {
      const text = Buffer.from(lines(60))
      const body = pack(text)
      for (let end = body.length - 1; end > 0; end -= 1 + Math.floor(end / 40)) {
        const cut = body.subarray(0, end)
        // raw data that is cut early may be anything: then it is given as it is, and is no text
        const outcome = await textOf(cut).catch((error: unknown) => error)
        if (Buffer.isBuffer(outcome)) assert.ok(outcome.equals(cut) || text.subarray(0, outcome.length).equals(outcome), `cut at ${end}`)
        else assert.ok(outcome instanceof FlowError && outcome.code === 'OBJECT_BROKEN', String(outcome))
      }
    })

    test(`${way}: random texts and damage`, async () => {
      const words = fc.array(fc.constantFrom('2 ', '10.0.0.1 ', 'ACCEPT OK\n', 'eni-0a\n', '443 ', 'Grün '), {
        minLength: 20,
        maxLength: 400,
      })
      for (const seed of [1, 2, 3, 20_261_130])
        await fc.assert(
          fc.asyncProperty(words, fc.nat(), fc.integer({ min: 1, max: 255 }), async (some, place, change) => {
            const text = Buffer.from(some.join(''))
            const body = pack(text)
            assert.ok((await textOf(inPieces(body, 1 + (place % 300)))).equals(text))
            const damaged = Buffer.from(body)
            damaged[place % body.length]! ^= change
            // whatever comes out: it ends, and is text or an error of ours
            const outcome = await textOf(damaged).catch((error: unknown) => error)
            assert.ok(Buffer.isBuffer(outcome) || outcome instanceof FlowError, String(outcome))
          }),
          { seed, numRuns: 30 },
        )
    })
  }

  test('the files of an archive are one text, each with a line feed at its end', async () => {
    const body = zipOf(['a b\n1 2', '', '3 4\n', '5 6'])
    assert.equal((await textOf(body)).toString(), 'a b\n1 2\n3 4\n5 6')
    assert.equal(unpackPlainly(body).toString(), 'a b\n1 2\n3 4\n5 6')
    assert.equal((await textOf(zipOf([]))).length, 0)
  })

  for (const file of ['firehose.zip', 'firehose.snappy'])
    test(`${file} is the text that went in`, async () => {
      const text = await textOf(golden(file))
      assert.ok(text.equals(unpackPlainly(golden(file))))
      // the last line of the Snappy one was cut before it was packed
      const all = text.toString().trimEnd().split('\n').slice(0, -1)
      assert.ok(all.length > 40 && all.every(each => /^2 111122223333 eni-\w+ .* OK$/.test(each)), all[0])
    })

  for (const { name: way, body, code } of [
    { name: 'an encrypted archive', body: zipOf(['a b\n'], { flags: 1 }), code: 'OBJECT_FORMAT' },
    { name: 'an archive of another method', body: zipOf(['a b\n'], { method: 12 }), code: 'OBJECT_FORMAT' },
    { name: 'an archive with a length that lies', body: zipOf(['a b\n'], { size: 3 }), code: 'OBJECT_BROKEN' },
    { name: 'bytes behind an archive', body: Buffer.concat([zipOf(['a b\n']), Buffer.from('x')]), code: 'OBJECT_BROKEN' },
    {
      name: 'a file that the directory does not list',
      body: Buffer.concat([zipOf(['a b\n']).subarray(0, -80), zipOf(['c\n'])]),
      code: 'OBJECT_BROKEN',
    },
    {
      name: 'a framed chunk with another checksum',
      body: Buffer.concat([snappyFramed(lines(9)).subarray(0, 27), Buffer.from([0]), snappyFramed(lines(9)).subarray(28)]),
      code: 'OBJECT_BROKEN',
    },
    {
      name: 'a block of snappy-java that claims 4 GiB',
      body: Buffer.concat([snappyJava('').subarray(0, 16), Buffer.from('00000010fffffffffffffff0', 'hex')]),
      code: 'OBJECT_BROKEN',
    },
    {
      name: 'a block of snappy-java that refers to what is not there',
      body: Buffer.concat([snappyJava('').subarray(0, 16), Buffer.from('000000030a0110', 'hex')]),
      code: 'OBJECT_BROKEN',
    },
  ])
    test(`${way} is ${code}`, async () => {
      await assert.rejects(textOf(body), (error: unknown) => error instanceof FlowError && error.code === code)
    })

  for (const { name: way, body, bytes } of [
    { name: 'an archive', body: zipOf([Buffer.alloc(300_000_000, '2 -\n')]), bytes: 300_000_000 },
    { name: 'raw Snappy', body: snappyRun(300_000_000), bytes: 300_000_000 },
  ])
    test(`${way} that grows to 300 MB passes through in bounded memory`, { timeout: 60_000 }, async () => {
      let [given, most] = [0, 0]
      for await (const chunk of textChunks(inPieces(body, 65_536), name)) {
        given += chunk.length
        most = Math.max(most, chunk.length)
      }
      assert.equal(given, bytes)
      assert.ok(most <= 1_048_576, `a chunk of ${most} bytes`)
    })

  test('packed once more inside, as envelopes are: gzip in an archive and in Snappy', async () => {
    const inner = gzipSync(lines(20))
    for (const pack of [(text: Buffer) => zipOf([text]), snappyFramed, snappyJava, snappyHadoop, (text: Buffer) => snappyBlock(text)])
      assert.ok((await textOf(pack(inner))).equals(inner))
  })
})

/** A block of Snappy that copies one line over and over: 21 times as much comes out as goes in. */
function snappyRun(bytes: number): Buffer {
  const first = snappyBlock('2 -\n'.repeat(16), bytes)
  const copy = Buffer.from([(63 << 2) | 2, 64, 0])
  return Buffer.concat([first, Buffer.alloc(((bytes - 64) / 64) * 3, copy)])
}
