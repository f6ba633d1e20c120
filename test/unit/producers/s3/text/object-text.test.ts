/** The text of an object by its content: plain, gzip, zstd; several members, padding, tails, damaged and cut data; whole and as a stream. */
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import { textChunks } from '../../../../../producers/s3/text/object-text.ts'
import { FlowError } from '../../../../../runtime/errors.ts'

const name = { bucket: 'b', key: 'AWSLogs/x.log.gz' }
const small = 'a b c\n1 2 3\n'
/** Larger than what is decompressed at once, and not all alike. */
const large = Array.from({ length: 120_000 }, (_, i) => `line ${i * 7919} of many\n`).join('')
const padding = Buffer.alloc(1000)
const plainTail = Buffer.from('tail\n')
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2])

async function textOf(body: Buffer | Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of textChunks(body, name)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString()
}

const streamOf = (body: Buffer, pieceBytes: number): Readable =>
  Readable.from(
    (function* () {
      for (let at = 0; at < body.length; at += pieceBytes) yield body.subarray(at, at + pieceBytes)
    })(),
    { objectMode: false },
  )

/** The whole object, pieces as from a socket, and pieces that cut every header; the last only where it is small. */
function* bodies(body: Buffer): Generator<Buffer | Readable> {
  yield body
  yield streamOf(body, 65_536)
  if (body.length < 5000) for (const pieceBytes of [1, 7]) yield streamOf(body, pieceBytes)
}

const gz = (text: string): Buffer => gzipSync(text)
const zst = (text: string): Buffer => zstdCompressSync(text)
const cut = (body: Buffer, bytes: number): Buffer => body.subarray(0, body.length - bytes)

function damaged(body: Buffer): Buffer {
  const copy = Buffer.from(body)
  copy[copy.length >> 1]! ^= 0xff
  return copy
}

const texts: { name: string; body: Buffer; text: string }[] = [
  { name: 'nothing', body: Buffer.alloc(0), text: '' },
  { name: 'plain text', body: Buffer.from(small), text: small },
  { name: 'plain text, large', body: Buffer.from(large), text: large },
  { name: 'a single byte that could begin gzip', body: Buffer.from([0x1f]), text: '\x1f' },
  { name: 'gzip', body: gz(small), text: small },
  { name: 'gzip, large', body: gz(large), text: large },
  { name: 'gzip of nothing', body: gz(''), text: '' },
  { name: 'gzip members', body: Buffer.concat([gz(small), gz(small), gz('')]), text: small + small },
  { name: 'gzip members, the last one larger', body: Buffer.concat([gz(small), gz(large)]), text: small + large },
  { name: 'gzip members, the last one smaller', body: Buffer.concat([gz(large), gz(small)]), text: large + small },
  { name: 'gzip and padding', body: Buffer.concat([gz(small), padding]), text: small },
  { name: 'gzip, large, and padding', body: Buffer.concat([gz(large), padding]), text: large },
  { name: 'gzip members with padding between', body: Buffer.concat([gz(small), padding, gz(small), padding]), text: small + small },
  { name: 'gzip members, large, with padding between', body: Buffer.concat([gz(large), padding, gz(large)]), text: large + large },
  { name: 'zstd', body: zst(small), text: small },
  { name: 'zstd, large', body: zst(large), text: large },
  { name: 'zstd frames', body: Buffer.concat([zst(small), zst(large), zst(small)]), text: small + large + small },
  {
    name: 'zstd with skippable frames',
    body: Buffer.concat([skippable, zst(small), skippable, zst(small), skippable]),
    text: small + small,
  },
]

for (const { name: title, body, text } of texts)
  test(`text of ${title}`, { timeout: 60_000 }, async () => {
    for (const given of bodies(body)) assert.equal((await textOf(given)) === text, true)
  })

const broken: { name: string; body: Buffer }[] = [
  { name: 'gzip, cut', body: cut(gz(small), 5) },
  { name: 'gzip, cut in its trailer', body: cut(gz(small), 1) },
  { name: 'gzip, cut in its header', body: gz(small).subarray(0, 6) },
  { name: 'gzip, nothing but its magic bytes', body: gz(small).subarray(0, 2) },
  { name: 'gzip, large, cut', body: cut(gz(large), 1000) },
  { name: 'gzip, damaged', body: damaged(gz(large)) },
  { name: 'gzip, second member cut', body: Buffer.concat([gz(small), cut(gz(small), 5)]) },
  { name: 'gzip and a plain tail', body: Buffer.concat([gz(small), plainTail]) },
  { name: 'gzip, padding and a plain tail', body: Buffer.concat([gz(small), padding, plainTail]) },
  { name: 'gzip, large, padding and a plain tail', body: Buffer.concat([gz(large), padding, plainTail]) },
  { name: 'gzip and zstd', body: Buffer.concat([gz(small), zst(small)]) },
  { name: 'gzip, padding and zstd', body: Buffer.concat([gz(small), padding, zst(small)]) },
  { name: 'zstd, cut', body: cut(zst(small), 2) },
  { name: 'zstd, large, cut', body: cut(zst(large), 1000) },
  { name: 'zstd, nothing but its magic bytes', body: zst(small).subarray(0, 4) },
  { name: 'zstd, damaged', body: damaged(zstdCompressSync(large, { params: { [constants.ZSTD_c_checksumFlag]: 1 } })) },
  { name: 'zstd and padding', body: Buffer.concat([zst(small), padding]) },
  { name: 'zstd and a plain tail', body: Buffer.concat([zst(small), plainTail]) },
  { name: 'zstd and gzip', body: Buffer.concat([zst(small), gz(small)]) },
]

for (const { name: title, body } of broken)
  test(`broken: ${title}`, { timeout: 60_000 }, async () => {
    for (const given of bodies(body))
      await assert.rejects(
        textOf(given),
        error => error instanceof FlowError && error.code === 'OBJECT_BROKEN' && !error.message.includes('undefined'),
      )
  })

test('zstd with a window beyond 32 MiB is broken, so that no object decides how much memory it takes', { timeout: 60_000 }, async () => {
  // a frame header with window descriptor 0x88: 2^27 bytes; then an empty last block
  const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x88, 0x01, 0x00, 0x00])
  await assert.rejects(textOf(frame), error => error instanceof FlowError && error.code === 'OBJECT_BROKEN')
  frame[5] = 0x70
  assert.equal(await textOf(frame), '')
})

test('a download that breaks is no fault of the object', { timeout: 60_000 }, async () => {
  const breaks = (): Readable =>
    Readable.from(
      (async function* () {
        yield gz(large).subarray(0, 100_000)
        throw new Error('the connection broke')
      })(),
      { objectMode: false },
    )
  await assert.rejects(textOf(breaks()), error => error instanceof FlowError && error.code === 'S3_UNAVAILABLE')
  const closed = breaks()
  closed.destroy()
  await assert.rejects(textOf(closed), error => error instanceof FlowError && error.code === 'S3_UNAVAILABLE')
})

test('a stream is destroyed when its text is not wanted any more', { timeout: 60_000 }, async () => {
  const body = streamOf(gz(large), 1000)
  for await (const chunk of textChunks(body, name)) {
    assert.ok(chunk.length > 0)
    break
  }
  assert.equal(body.destroyed, true)
})
