/** Parquet files that lie: each fails for what is wrong with it, within limits, and the next one is read. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { ParquetReaders, readerLimits } from '../../../../../producers/s3/parquet/parquet-readers.ts'
import { bytesInMemory, parquetText } from '../../../../../producers/s3/parquet/parquet-text.ts'
import { registry } from '../../../../../runtime/metrics.ts'
import { encodings, endlessLoop, longRun, page, parquetBytes, plainWords, runOf, varint } from '../../../../support/files/parquet-bytes.ts'
import { parquetObject } from '../../../../support/files/parquet-object.ts'
import { FetchBench, gz, header, keyOf, numbered } from '../../../../support/s3/fetch-cases.ts'

const name = { bucket: 'b', key: 'k.parquet' }
const readers = new ParquetReaders()
after(() => readers.close())

async function textOf(file: Buffer, by = readers, fromLine = 1, signal = new AbortController().signal): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of by.read(bytesInMemory(file), name, fromLine, signal)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const words = ['10.0.0.1', '10.0.0.2', '10.0.0.3']
const body = plainWords(words)
const good = parquetBytes([{ name: 'srcaddr', pages: [page(body, { values: 3 })] }], 3)
const goodText = `srcaddr\n${words.join('\n')}\n`
const huge = 2 ** 31 - 1

/** A file of one column with these pages. */
const pages = (list: readonly Buffer[], rows: number | bigint = 3, more: object = {}): Buffer =>
  parquetBytes([{ name: 'srcaddr', pages: list, ...more }], rows)
const dictionary = page(body, { kind: 'dictionary', values: 3 })

/** Numbers in the delta encoding: blocks of 128 in one miniblock, whose bits are all 0, so that each is the first one plus a step for each before it. */
const deltas = (first: number, step: number): Buffer =>
  Buffer.concat([varint(128), varint(1), varint(3), varint(2 * first), varint(2 * step), Buffer.from([0])])

const cases: { name: string; file: Buffer; detail: RegExp }[] = [
  { name: 'a run that claims two billion values', file: longRun(huge), detail: /a run claims 2147483647 of 3 values/ },
  { name: 'a page of two billion values', file: pages([page(body, { values: huge })]), detail: /claims 2147483647 values/ },
  { name: 'a page of a negative number of values', file: pages([page(body, { values: -3 })]), detail: /claims -3 values/ },
  {
    name: 'a page that grows to two gigabytes',
    file: pages([page(body, { values: 3, size: huge })]),
    detail: /2147483647 when decompressed/,
  },
  { name: 'a page of a negative size', file: pages([page(body, { values: 3, size: -1 })]), detail: /-1 when decompressed/ },
  { name: 'a page that ends behind its column', file: pages([page(body, { values: 3, stored: 1000 })]), detail: /a page has 1000 bytes/ },
  { name: 'a page of a negative stored size', file: pages([page(body, { values: 3, stored: -5 })]), detail: /a page has -5 bytes/ },
  {
    name: 'a page that decompresses to more than it says',
    file: pages([page(gzipSync(Buffer.alloc(50_000_000)), { values: 3, size: 30 })], 3, { codec: 'gzip' }),
    detail: /larger than 30 bytes/,
  },
  {
    name: 'places outside of the dictionary',
    file: pages([dictionary, page(runOf(3, 3), { values: 3, encoding: encodings.dictionary })]),
    detail: /entry 3 of a dictionary of 3/,
  },
  {
    name: 'places without a dictionary',
    file: pages([page(runOf(0, 3), { values: 3, encoding: encodings.dictionary })]),
    detail: /no dictionary/,
  },
  {
    name: 'a dictionary of a billion entries',
    file: pages([page(body, { kind: 'dictionary', values: 2 ** 30 }), page(runOf(0, 3), { values: 3, encoding: encodings.dictionary })]),
    detail: /a dictionary claims 1073741824 entries/,
  },
  {
    name: 'levels of a negative length',
    file: pages([page(body, { kind: 'data-v2', values: 3, levelBytes: -2_000_000_000 })]),
    detail: /levels of 0 and -2000000000 bytes/,
  },
  {
    name: 'a negative number of absent values',
    file: pages([page(body, { kind: 'data-v2', values: 3, nulls: -2_000_000_000 })]),
    detail: /-2000000000 of 3 values to be absent/,
  },
  {
    name: 'values that begin with more of the one before than it has',
    file: pages([page(Buffer.concat([deltas(0, 100_000_000), deltas(0, 0)]), { values: 3, encoding: encodings.deltaBytes })]),
    detail: /front-coded/,
  },
  {
    name: 'values of two gigabytes each',
    file: pages([page(body, { values: 3, encoding: encodings.split })], 3, { type: 'fixed', typeLength: huge }),
    detail: /more values than it has bytes/,
  },
  { name: 'fewer values than rows', file: pages([page(body, { values: 3 })], 4), detail: /ends before its row group/ },
  { name: 'more values than rows', file: pages([page(body, { values: 3 })], 2), detail: /more than its row group/ },
  { name: 'a trillion rows', file: pages([page(body, { values: 3 })], 10n ** 12n), detail: /claims 1000000000000 rows/ },
  { name: 'a negative number of rows', file: pages([page(body, { values: 3 })], -3), detail: /has -3 rows/ },
  { name: 'a column outside of the file', file: pages([page(body, { values: 3 })], 3, { offset: 5000 }), detail: /outside of it/ },
  { name: 'a column before the file', file: pages([page(body, { values: 3 })], 3, { offset: -40 }), detail: /its bytes from -40/ },
  { name: 'a column of a negative size', file: pages([page(body, { values: 3 })], 3, { stored: -40 }), detail: /bytes from 4 to -36/ },
  {
    name: 'a thousand row groups in the same bytes',
    file: parquetBytes([{ name: 'srcaddr', pages: [page(Buffer.alloc(3_000_000), { values: 3 })] }], 3, { groups: 1000 }),
    detail: /row groups claim/,
  },
  {
    name: 'a list of two billion row groups',
    file: parquetBytes([], 0, { footer: Buffer.from([0x15, 2, 0x39, 0xfc, 0xff, 0xff, 0xff, 0xff, 7]) }),
    detail: /a list claims 2147483647 elements/,
  },
  { name: 'structs without end', file: parquetBytes([], 0, { footer: Buffer.alloc(1_000_000, 0x1c) }), detail: /nested too deeply/ },
  {
    name: 'a number without end',
    file: parquetBytes([], 0, { footer: Buffer.concat([Buffer.from([0x16]), Buffer.alloc(1_000_000, 0xff)]) }),
    detail: /more than ten bytes/,
  },
  { name: 'a footer of four gigabytes', file: parquetBytes([], 0, { footerBytes: 2 ** 32 - 9 }), detail: /footer claims/ },
  {
    name: 'pages that claim far more bytes than are stored',
    file: pages(
      Array.from({ length: 10 }, () => page(body, { values: 3, size: 100_000_000 })),
      30,
    ),
    detail: /claim 1000000000 bytes in/,
  },
  {
    name: 'more at once than is held',
    file: parquetBytes(
      Array.from({ length: 6 }, (_unused, i) => ({ name: `c${i}`, pages: [page(body, { values: 3, size: 100_000_000 })] })),
      3,
    ),
    detail: /takes 600000018 bytes at once/,
  },
]

void describe('a Parquet file with', () => {
  for (const { name: what, file, detail } of cases)
    void it(`${what} is broken`, async () => {
      await assert.rejects(textOf(file), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'OBJECT_BROKEN')
        assert.match(error.message, detail)
        return true
      })
      assert.equal(await textOf(good), goodText)
    })

  void it('runs that are as long as they say is read', async () => {
    assert.equal(await textOf(longRun(3)), 'srcaddr\n10.0.0.1\n10.0.0.1\n10.0.0.1\n')
  })
})

void describe('a thread that decodes Parquet', () => {
  void it('gives the same text as its caller would make, from any line', async () => {
    const file = parquetObject(
      header.split(' '),
      numbered(20_000).map(line => line.split(' ')),
      { rowGroupSize: 7000, pageSize: 5000 },
    )
    for (const line of [1, 2, 3, 6999, 7001, 7002, 15_000, 20_001, 20_002]) {
      const chunks: Buffer[] = []
      for await (const chunk of parquetText(bytesInMemory(file), name, line)) chunks.push(chunk)
      assert.equal(await textOf(file, readers, line), Buffer.concat(chunks).toString(), `line ${line}`)
    }
  })

  void it('that takes too much memory is ended, and the next object is read', async () => {
    const entries = 400_000
    const many = plainWords(Array.from({ length: entries }, (_unused, i) => `${i}`.padStart(60, 'x')))
    const file = parquetBytes(
      Array.from({ length: 4 }, (_unused, i) => ({
        name: `c${i}`,
        codec: 'zstd' as const,
        pages: [
          page(zstdCompressSync(many), { kind: 'dictionary', values: entries, size: many.length }),
          page(zstdCompressSync(runOf(0, 3)), { values: 3, encoding: encodings.dictionary, size: runOf(0, 3).length }),
        ],
      })),
      3,
    )
    const own = new ParquetReaders({ ...readerLimits, heapBytes: 67_108_864 })
    await assert.rejects(textOf(file, own), { code: 'OBJECT_OVER_LIMIT', message: /more than 67108864 bytes of heap/ })
    assert.equal(await textOf(good, own), goodText)
    await own.close()
  })

  void it('is ended with the signal, whatever it does', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 500)
    await assert.rejects(textOf(endlessLoop(), readers, 1, stop.signal), { code: 'S3_UNAVAILABLE' })
    await assert.rejects(textOf(good, readers, 1, stop.signal), { code: 'S3_UNAVAILABLE' })
    assert.equal(await textOf(good), goodText)
  })

  void it('of an object that was left in the middle is not used again', async () => {
    const file = parquetObject(
      header.split(' '),
      numbered(30_000).map(line => line.split(' ')),
    )
    for await (const chunk of readers.read(bytesInMemory(file), name, 1, new AbortController().signal)) {
      assert.ok(chunk.length > 0)
      break
    }
    assert.equal(await textOf(good), goodText)
  })

  void it('gives an error of the store as it is, and goes on', async () => {
    const source = { size: 100, read: () => Promise.reject(new RangeError('no such bytes')) }
    const read = async (): Promise<void> => {
      for await (const _chunk of readers.read(source, name, 1, new AbortController().signal));
    }
    await assert.rejects(read, RangeError)
    assert.equal(await textOf(good), goodText)
  })

  void it('that gives nothing is ended; its object fails, the neighbours arrive, and the event loop goes on', async () => {
    const own = new ParquetReaders({ ...readerLimits, silentMs: 10_000 })
    const bench = new FetchBench({ maxAttempts: 1 }, 1, { parquet: own })
    const [before, hostile, behind, last] = ['a', 'b', 'c', 'd'].map(letter => keyOf(letter).replace('.log.gz', '.log.parquet'))
    const rows = numbered(50).map(line => line.split(' '))
    await bench.putAndAnnounce(before!, parquetObject(header.split(' '), rows))
    await bench.putAndAnnounce(hostile!, endlessLoop())
    await bench.putAndAnnounce(behind!, parquetObject(header.split(' '), rows))
    await bench.putAndAnnounce(last!, longRun(huge))
    await bench.putAndAnnounce(keyOf('e'), gz(numbered(50)))
    let turns = 0
    const clock = setInterval(() => turns++, 50)
    await bench.run()
    clearInterval(clock)
    assert.ok(turns > 10, `${turns} turns`)
    assert.match(bench.ledger(hostile!)!.errorDetail!, /nothing came of it for 10000 ms/)
    const outcome = (key: string): unknown[] => [bench.ledger(key)?.state, bench.ledger(key)?.errorCode, bench.ledger(key)?.lines]
    assert.deepEqual([before!, hostile!, behind!, last!, keyOf('e')].map(outcome), [
      ['done', null, 51],
      ['failed', 'OBJECT_OVER_LIMIT', 0],
      ['done', null, 51],
      ['failed', 'OBJECT_BROKEN', 0],
      ['done', null, 51],
    ])
    const ended = await registry.getSingleMetric('flowloom_fetch_parquet_threads_ended_total')!.get()
    assert.ok(ended.values.some(({ labels, value }) => (labels as Record<string, unknown>)['reason'] === 'time' && value > 0))
    await own.close()
  })
})
