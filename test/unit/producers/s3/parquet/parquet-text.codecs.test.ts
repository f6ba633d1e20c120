/** Which compression codecs of Parquet are read, as docs/operations.md says. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { page, parquetBytes, plainWords, type parquetCodecs } from '../../../../support/files/parquet-bytes.ts'
import { FetchBench, keyOf } from '../../../../support/s3/fetch-cases.ts'

const words = ['10.0.0.1', '10.0.0.2']
const body = plainWords(words)
/** One literal behind the length. */
const snappy = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from([bytes.length, (bytes.length - 1) << 2]), bytes])
const same = (bytes: Buffer): Buffer => bytes

const codecs: Record<keyof typeof parquetCodecs, { name: string; pack: (bytes: Buffer) => Buffer; isRead: boolean }> = {
  none: { name: 'UNCOMPRESSED', pack: same, isRead: true },
  snappy: { name: 'SNAPPY', pack: snappy, isRead: true },
  gzip: { name: 'GZIP', pack: gzipSync, isRead: true },
  brotli: { name: 'BROTLI', pack: brotliCompressSync, isRead: true },
  zstd: { name: 'ZSTD', pack: zstdCompressSync, isRead: true },
  lz4raw: { name: 'LZ4_RAW', pack: same, isRead: false },
  lz4: { name: 'LZ4', pack: same, isRead: false },
  lzo: { name: 'LZO', pack: same, isRead: false },
}
const objectOf = (codec: keyof typeof parquetCodecs): Buffer =>
  parquetBytes(
    [{ name: 'srcaddr', codec, pages: [page(codecs[codec].pack(body), { values: words.length, size: body.length })] }],
    words.length,
  )

for (const [codec, { name, isRead }] of Object.entries(codecs) as [keyof typeof parquetCodecs, (typeof codecs)['none']][])
  test(`${name} is ${isRead ? 'read' : 'recorded as broken, by its name'}`, async () => {
    const bench = new FetchBench({ maxAttempts: 1 })
    const key = keyOf(codec).replace('.log.gz', '.parquet')
    await bench.putAndAnnounce(key, objectOf(codec))
    await bench.run()
    const { state, errorCode, errorDetail } = bench.ledger(key)!
    assert.deepEqual([state, errorCode], isRead ? ['done', null] : ['failed', 'OBJECT_BROKEN'])
    if (!isRead) assert.match(errorDetail!, new RegExp(`codec: ${name}$`))
    assert.deepEqual(
      bench.lines(key).map(({ text }) => text),
      isRead ? words : [],
    )
  })

test('a Parquet object without the suffix is told by its first bytes', async () => {
  const bench = new FetchBench({ sources: [{ bucket: 'flow-logs', layout: 'any' }] })
  await bench.putAndAnnounce('copies/x', objectOf('gzip'))
  await bench.run()
  assert.deepEqual([bench.ledger('copies/x')?.state, bench.ledger('copies/x')?.headerLines], ['done', 1])
})

test('the operations page names every codec where it belongs', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../../../docs/operations.md'), 'utf8')
  const [, read, not] = /Compression codecs of Parquet that are read: (.*?)[;.](.*?are not:)/.exec(text)!
  for (const { name, isRead } of Object.values(codecs)) assert.match(isRead ? read! : not!, new RegExp(`\\b${name}\\b`))
})
