/** What is in an object: formats that are read or named, archived and empty objects, exports with commas, JSON records, mistyped columns. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { readPlainly } from '../../../../../audit/plain-reader.ts'
import { s3Error } from '../../../../../producers/s3/objects/s3-object-store.ts'
import { snappyBlock, snappyFramed, snappyHadoop, snappyJava, zipOf } from '../../../../support/files/packed-objects.ts'
import { parquetObject } from '../../../../support/files/parquet-object.ts'
import { flowFields } from '../../../../../flow/fields.ts'
import { bucket, FetchBench, gz, header, keyOf, numbered, settle } from '../../../../support/s3/fetch-cases.ts'

const golden = (file: string): Buffer => readFileSync(join(import.meta.dirname, '../../../../golden/packed', file))
const key = keyOf('a')
const withFormat = { sources: [{ bucket, layout: 'any', format: header }] }
const bare = (count: number): string => `${numbered(count).join('\n')}\n`

/** Fetches one object. */
async function fetched(body: Buffer | string, settings: object = withFormat, at = 'x/a'): Promise<FetchBench> {
  const bench = new FetchBench({ chunkBytes: 16_777_216, maxLineBytes: 65_536, ...settings })
  await bench.putAndAnnounce(at, body)
  await bench.run()
  return bench
}
const textsOf = (bench: FetchBench, at = 'x/a'): string[] => bench.lines(at).map(({ text }) => text)

describe('a binary object under a source with format', () => {
  const noise = Buffer.from(Array.from({ length: 6000 }, (_unused, i) => (i * i * 31 + (i >> 3) * 7 + 3) & 255))
  const begins = (hex: string): Buffer => Buffer.concat([Buffer.from(hex, 'hex'), noise])
  for (const { name, body, code, detail } of [
    { name: 'bzip2', body: golden('firehose.bz2'), code: 'OBJECT_FORMAT', detail: /^bzip2$/ },
    { name: 'xz', body: golden('firehose.xz'), code: 'OBJECT_FORMAT', detail: /^xz$/ },
    { name: 'LZ4', body: golden('firehose.lz4'), code: 'OBJECT_FORMAT', detail: /^LZ4$/ },
    { name: 'Avro', body: begins('4f626a01'), code: 'OBJECT_FORMAT', detail: /^Avro$/ },
    { name: 'ORC', body: begins('4f524308'), code: 'OBJECT_FORMAT', detail: /^ORC$/ },
    { name: '7z', body: begins('377abcaf271c'), code: 'OBJECT_FORMAT', detail: /^7z$/ },
    { name: 'UTF-16', body: Buffer.from(`\ufeff${bare(9)}`, 'utf16le'), code: 'OBJECT_FORMAT', detail: /UTF-16/ },
    { name: 'bzip2 within gzip', body: gzipSync(golden('firehose.bz2')), code: 'OBJECT_FORMAT', detail: /^bzip2$/ },
    { name: 'ZIP within ZIP', body: zipOf([zipOf([bare(9)])]), code: 'OBJECT_FORMAT', detail: /^ZIP within/ },
    { name: 'Snappy within gzip', body: gzipSync(snappyFramed(bare(9))), code: 'OBJECT_FORMAT', detail: /^Snappy within/ },
    { name: 'Parquet within gzip', body: gzipSync(golden('parquet-without-suffix')), code: 'OBJECT_FORMAT', detail: /^Parquet within/ },
    { name: 'an encrypted archive', body: zipOf([bare(9)], { flags: 1 }), code: 'OBJECT_FORMAT', detail: /encrypted/ },
    { name: 'no known format', body: begins('9e'), code: 'OBJECT_NOT_TEXT', detail: /begins with 9e/ },
    { name: 'text with NUL bytes', body: Buffer.from(bare(9)).fill(0, 20, 100), code: 'OBJECT_NOT_TEXT', detail: /begins with/ },
  ])
    test(`${name} is ${code} at once, with no dead letter`, async () => {
      const bench = await fetched(body)
      const { state, attempts, errorCode, errorDetail, lines } = bench.ledger('x/a')!
      assert.deepEqual([state, attempts, errorCode, lines], ['failed', 1, code, 0])
      assert.match(errorDetail!, detail)
      assert.equal(bench.cluster.readCommitted('deadLetters').length, 0)
      assert.equal(readPlainly(body, 65_536, header).ok, false, 'the plain reader')
    })

  for (const { name, pack } of [
    { name: 'ZIP', pack: (text: string) => zipOf([text]) },
    {
      name: 'ZIP of two files',
      pack: (text: string) => zipOf([text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n') + 1)], { descriptor: true }),
    },
    { name: 'framed Snappy', pack: snappyFramed },
    { name: 'Snappy of snappy-java', pack: snappyJava },
    { name: 'Snappy of Hadoop', pack: snappyHadoop },
    { name: 'raw Snappy', pack: (text: string) => snappyBlock(text) },
    { name: 'raw Snappy of gzip', pack: (text: string) => snappyBlock(gzipSync(text)) },
  ])
    test(`${name} is read, small and streamed`, async () => {
      for (const count of [1, 30, 5000]) {
        const body = pack(bare(count))
        const bench = await fetched(body)
        assert.deepEqual([bench.ledger('x/a')?.state, bench.ledger('x/a')?.lines], ['done', count])
        assert.deepEqual(textsOf(bench), numbered(count))
        const plain = readPlainly(body, 65_536, header)
        assert.ok(plain.ok && plain.tally.lines === count)
      }
    })

  test('a header line says that it is text: a damaged line is one dead letter later, not the object', async () => {
    const bench = await fetched(Buffer.concat([Buffer.from(`${header}\n`), Buffer.alloc(900), Buffer.from(`\n${bare(3)}`)]))
    assert.equal(bench.ledger('x/a')?.state, 'done')
  })

  test('Parquet without a suffix is read, small and streamed', async () => {
    const rows = Array.from({ length: 60_000 }, (_unused, i) => numbered(1, i)[0]!.split(' '))
    for (const body of [
      parquetObject(header.split(' '), rows.slice(0, 9)),
      parquetObject(header.split(' '), rows, { codec: 'UNCOMPRESSED', rowGroupSize: 20_000 }),
    ]) {
      const bench = await fetched(body)
      const { state, headerLines, lines } = bench.ledger('x/a')!
      assert.deepEqual([state, headerLines], ['done', 1])
      assert.deepEqual(
        textsOf(bench),
        rows.slice(0, lines - 1).map(words => words.join(' ')),
      )
    }
  })
})

describe('an archived object', () => {
  const refusal = { name: 'InvalidObjectState', StorageClass: 'GLACIER', $metadata: { httpStatusCode: 403 } }

  test('is OBJECT_ARCHIVED with its storage class and tier, and not denied', () => {
    const error = s3Error(refusal, 'b', 'k')
    assert.deepEqual([error.code, error.retriable], ['OBJECT_ARCHIVED', false])
    assert.match(error.message, /storage class GLACIER.*flowloom retry/)
    const tiered = s3Error({ ...refusal, StorageClass: 'INTELLIGENT_TIERING', AccessTier: 'ARCHIVE_ACCESS' }, 'b', 'k')
    assert.match(tiered.message, /storage class INTELLIGENT_TIERING, access tier ARCHIVE_ACCESS/)
  })

  test('burns no attempts, is not tried again by itself, and is read by a retry after it was restored', async () => {
    const bench = new FetchBench()
    bench.store.onOpen = () => {
      throw s3Error(refusal, bucket, key)
    }
    await bench.putAndAnnounce(key, gz(numbered(3)))
    const task = await bench.cluster.startTask(bench.role, 0)
    await task.drain()
    bench.cluster.clockMs += 500
    await settle(task)
    const { state, attempts, errorCode, retryAtMs, errorDetail } = bench.ledger(key)!
    assert.deepEqual([state, attempts, errorCode, retryAtMs], ['failed', 0, 'OBJECT_ARCHIVED', null])
    assert.match(errorDetail!, /GLACIER/)
    bench.cluster.clockMs += 3_600_000
    await settle(task)
    assert.equal(bench.store.requests.open.length, 1)
    bench.store.onOpen = undefined
    await bench.announce(key, 'retry')
    await task.drain()
    bench.cluster.clockMs += 500
    await settle(task)
    assert.equal(bench.ledger(key)?.state, 'done')
    assert.equal(bench.lines(key).length, 3)
    await task.stop()
  })
})

describe('an object without a line', () => {
  for (const [name, body] of [
    ['of zero bytes', ''],
    ['of an empty gzip', gzipSync('')],
    ['of blank lines', '\n\r\n\n'],
    ['of an archive without files', zipOf([])],
  ] as const) {
    test(`${name} is OBJECT_EMPTY where AWS writes header lines: tried again, then failed, and read by a retry`, async () => {
      const bench = new FetchBench({ maxAttempts: 2 })
      await bench.putAndAnnounce(key, body)
      const task = await bench.cluster.startTask(bench.role, 0)
      await task.drain()
      bench.cluster.clockMs += 500
      await settle(task)
      assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode], ['retrying', 'OBJECT_EMPTY'])
      bench.cluster.clockMs += 3_600_000
      await settle(task)
      bench.cluster.clockMs += 500
      await settle(task)
      assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.errorCode, bench.ledger(key)?.attempts], ['failed', 'OBJECT_EMPTY', 2])
      await bench.putAndAnnounce(key, gz(numbered(2)))
      await task.drain()
      bench.cluster.clockMs += 500
      await settle(task)
      assert.deepEqual([bench.ledger(key)?.state, bench.lines(key).length], ['done', 2])
      await task.stop()
    })

    test(`${name} is done with a warning where the lines come without a header line`, async () => {
      const bench = await fetched(body)
      const { state, warning, headerLines, lines, blankLines } = bench.ledger('x/a')!
      assert.deepEqual([state, warning, headerLines, lines - blankLines], ['done', 'no lines', 0, 0])
    })
  }

  test('but for its header line is done without a warning', async () => {
    const bench = await fetched(gz([]), {}, key)
    assert.deepEqual([bench.ledger(key)?.state, bench.ledger(key)?.warning], ['done', null])
  })
})

describe('an export of the console', () => {
  test('has its messages read, with and without quotes and other columns', async () => {
    for (const [first, make] of [
      ['timestamp,message', (line: string) => `1796004060000,${line}`],
      ['timestamp,message', (line: string) => `1796004060000,"${line}"`],
      ['"@timestamp","@message","@logStream"', (line: string) => `"2026-11-30 01:41:00.000","${line}","eni-1-all, the ""first"""`],
      ['\ufefftimestamp,ingestionTime,message\r', (line: string) => `1,2,"${line}"\r`],
    ] as const) {
      const body = `${first}\n${numbered(40).map(make).join('\n')}\n`
      for (const stored of [Buffer.from(body), gzipSync(body)]) {
        const bench = await fetched(stored)
        assert.deepEqual([bench.ledger('x/a')?.state, bench.ledger('x/a')?.deadLines], ['done', 0])
        assert.deepEqual(textsOf(bench), numbered(40))
      }
    }
  })

  test('has a record that is none as one dead letter', async () => {
    const body = `timestamp,message\n1,"${numbered(1)[0]!}"\n1,"a" b\n1\n1,"${numbered(1, 3)[0]!}"\n`
    const bench = await fetched(body)
    assert.deepEqual(textsOf(bench), numbered(2))
    assert.deepEqual(
      bench.cluster.readCommitted('deadLetters').map(({ value }) => [value?.reason, value?.bytes.toString()]),
      [
        ['bad-document', '1,"a" b'],
        ['bad-document', '1'],
      ],
    )
    const plain = readPlainly(Buffer.from(body), 65_536, header)
    assert.ok(plain.ok && plain.tally.lines === 4 && plain.tally.dead >= 2)
  })

  test('a quote that is never closed takes no more than 1 MiB with it; what follows is read', async () => {
    const open = `1,"${'x'.repeat(3_000_000)}`
    const body = `timestamp,message\n${open}\n"\n1,${numbered(1)[0]!}\n`
    const startMs = performance.now()
    const bench = await fetched(gzipSync(body))
    assert.ok(performance.now() - startMs < 20_000)
    assert.deepEqual(textsOf(bench), numbered(1))
    const [dead] = bench.cluster.readCommitted('deadLetters')
    assert.deepEqual([dead?.value?.reason, dead?.value?.length, dead?.value?.bytes.length], ['document-too-large', open.length + 2, 4096])
    const plain = readPlainly(gzipSync(body), 65_536, header)
    assert.ok(plain.ok && plain.tally.lines === 2)
  })

  test('random fields, quotes and line ends: fetch and the plain reader count the same lines', async () => {
    const part = fc.constantFrom('1', ',', '"', '""', 'a b', '\n', '\r\n', ',"', '",', numbered(1)[0]!)
    for (const seed of [1, 2, 3, 20_261_130])
      await fc.assert(
        fc.asyncProperty(fc.array(part, { maxLength: 40 }), async parts => {
          const body = Buffer.from(`timestamp,message\n${parts.join('')}`)
          const bench = await fetched(body)
          const plain = readPlainly(body, 65_536, header)
          assert.ok(plain.ok)
          assert.equal(bench.ledger('x/a')?.lines, plain.tally.lines, JSON.stringify(body.toString()))
        }),
        { seed, numRuns: 40 },
      )
  })

  test('other comma-separated text is failed with the reason', async () => {
    const bench = await fetched(`${header.replaceAll(' ', ',')}\n${bare(3).replaceAll(' ', ',')}`)
    assert.deepEqual([bench.ledger('x/a')?.state, bench.ledger('x/a')?.errorCode], ['failed', 'OBJECT_NO_HEADER'])
    assert.match(bench.ledger('x/a')!.errorDetail!, /comma-separated text, only exports with the columns timestamp,message/)
  })
})

describe('JSON records with one field per key', () => {
  test('are lines behind their header line; digits beyond 2^53 are kept, absent keys are absent', async () => {
    const body = `{"version":2,"srcaddr":"10.0.0.1","bytes":9007199254740993,"interface_id":"eni-1","start":1796004060}
{"version":2,"srcaddr":null,"bytes":12345678901234567890,"note":"a b","interface_id":"eni-2"}`
    for (const stored of [Buffer.from(body), gzipSync(body), zipOf([body])]) {
      const bench = await fetched(stored, { sources: [{ bucket, layout: 'any' }] })
      assert.deepEqual([bench.ledger('x/a')?.state, bench.ledger('x/a')?.headerLines], ['done', 2])
      assert.deepEqual(textsOf(bench), ['2 10.0.0.1 9007199254740993 eni-1 1796004060', '2 - 12345678901234567890 eni-2 - a%20b'])
      assert.equal(bench.ledger('x/a')?.header, 'version srcaddr bytes interface-id start note')
    }
  })

  test('are read as messages of envelopes too', async () => {
    const message = (i: number): string => JSON.stringify({ version: 2, srcaddr: `10.0.0.${i}`, dstaddr: '10.0.0.9' })
    const body = JSON.stringify({ messageType: 'DATA_MESSAGE', logEvents: [{ message: message(1) }, { message: message(2) }] })
    const bench = await fetched(body + JSON.stringify({ message: message(3) }), { sources: [{ bucket, layout: 'any' }] })
    assert.deepEqual(textsOf(bench), ['2 10.0.0.1 10.0.0.9', '2 10.0.0.2 10.0.0.9', '2 10.0.0.3 10.0.0.9'])
  })

  test('with ever new keys become dead letters beyond 256 of them', async () => {
    const body = Array.from({ length: 600 }, (_unused, i) =>
      JSON.stringify({ version: 2, [i < 63 ? flowFields[i]!.name : `new${i}`]: 1 }),
    ).join('')
    const bench = await fetched(body, { sources: [{ bucket, layout: 'any' }] })
    const { state, headerLines, deadLines } = bench.ledger('x/a')!
    assert.equal(state, 'done')
    assert.ok(headerLines < 256 && deadLines > 300, `${headerLines} ${deadLines}`)
  })

  test('of other things are no flow log', async () => {
    const bench = await fetched('{"eventVersion":"1.08","region":"us-east-1","user":"x"}', { sources: [{ bucket, layout: 'any' }] })
    assert.equal(bench.ledger('x/a')?.errorCode, 'OBJECT_NO_HEADER')
  })

  test('with whatever keys and values, fetch and the plain reader count the same lines', async () => {
    const names = ['version', 'srcaddr', 'dstaddr', 'bytes', 'packets', 'start', 'interface-id', 'note', 'x y', '@odd']
    const value = fc.oneof(
      fc.constantFrom('10.0.0.1', '-', '', 'a b', 'None', 'ACCEPT'),
      fc.nat(),
      fc.constant(null),
      fc.boolean(),
      fc.double({ noNaN: true }),
    )
    const record = fc.dictionary(fc.constantFrom(...names), value, { minKeys: 1, maxKeys: 8 })
    const junk = fc.constantFrom('', '', '', '{"a":', 'x', '{}', '{"messageType":"CONTROL_MESSAGE"}', '{"t":1,"message":"2 10.0.0.1"}')
    for (const seed of [1, 2, 3, 20_261_130])
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(record, junk), { minLength: 1, maxLength: 12 }), async documents => {
          const body = Buffer.from(documents.map(([each, rest]) => `${JSON.stringify(each)}${rest}`).join('\n'))
          const bench = await fetched(body, { sources: [{ bucket, layout: 'any' }] })
          const { state, lines, headerLines } = bench.ledger('x/a')!
          const plain = readPlainly(body, 65_536)
          assert.deepEqual([state === 'done', state === 'done' ? lines : 0], [plain.ok, plain.ok ? plain.tally.lines : 0], body.toString())
          if (plain.ok) assert.equal(plain.tally.headers, headerLines, body.toString())
        }),
        { seed, numRuns: 40 },
      )
  })
})

describe('columns with names that AWS never wrote', () => {
  const renamed =
    'version account_id interface_id src_addr dst_addr src_port dst_port protocol packets bytes start_time end_time action log_status'

  test('an object whose flows have no address and no time says so once, with the names that were meant', async () => {
    const bench = await fetched(`${renamed}\n${bare(3)}`, {}, key)
    const { state, warning } = bench.ledger(key)!
    assert.equal(state, 'done')
    assert.match(
      warning!,
      /^no column srcaddr or dstaddr, no column start or end; src_addr is not a flow log field; did you mean srcaddr\?/,
    )
    assert.match(warning!, /start_time is not a flow log field; did you mean start\?/)
  })

  const record = (fields: object): string => JSON.stringify({ srcaddr: '10.0.0.1', dstaddr: '10.0.0.2', env: 'a', team: 'b', ...fields })
  const columns = 'srcaddr dstaddr env team'
  const linesOf = async (parts: readonly string[], settings: object = withFormat): Promise<[string, string][]> => {
    const bench = await fetched(parts.join('\n'), settings)
    const plain = readPlainly(Buffer.from(parts.join('\n')), 1024, settings === withFormat ? header : undefined)
    const { lines, headerLines } = bench.ledger('x/a')!
    assert.ok(plain.ok)
    assert.deepEqual([plain.tally.lines, plain.tally.headers], [lines, headerLines])
    return bench.cluster.readCommitted('rawLines').flatMap(({ headers, value }) =>
      value!

        .trimEnd()
        .split('\n')
        .map((line): [string, string] => [headers['header']!, line]),
    )
  }
  const [one, two] = numbered(2) as [string, string]

  test('JSON records of which half the keys are documented have their header line, under a configured format too', async () => {
    for (const settings of [withFormat, { sources: [{ bucket, layout: 'any' }] }])
      assert.deepEqual(await linesOf([record({}), record({ env: 'c' })], settings), [
        [columns, '10.0.0.1 10.0.0.2 a b'],
        [columns, '10.0.0.1 10.0.0.2 c b'],
      ])
  })

  test('plain messages behind a JSON message have the configured format again, and the next JSON message its own', async () => {
    const message = (text: string): string => JSON.stringify({ message: text })
    assert.deepEqual(
      await linesOf([message(one), message(record({})), message(two), message(one), message(record({ env: 'c' })), record({})]),
      [
        [header, one],
        [columns, '10.0.0.1 10.0.0.2 a b'],
        [header, two],
        [header, one],
        [columns, '10.0.0.1 10.0.0.2 c b'],
        [columns, '10.0.0.1 10.0.0.2 a b'],
      ],
    )
  })

  test('a configured format that lacks something says nothing of an object with its own header line', async () => {
    const good = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
    for (const [text, isWarned] of [
      [`${good}\n${bare(3)}`, false],
      [`\n${good}\n${bare(3)}`, false],
      [bare(3), true],
      [`${bare(3)}\n${good}\n${bare(3)}`, true],
    ] as const) {
      const bench = await fetched(text, { sources: [{ bucket, format: 'version account-id interface-id packets bytes action' }] }, key)
      const { state, warning } = bench.ledger(key)!
      assert.deepEqual([state, warning !== null], ['done', isWarned], text)
    }
  })

  test('an object that is refused for them says which', async () => {
    const bench = await fetched('src_addr dst_addr src_port start_time\n', {}, key)
    assert.equal(bench.ledger(key)?.errorCode, 'OBJECT_NO_HEADER')
    assert.match(bench.ledger(key)!.errorDetail!, /src_port is not a flow log field; did you mean srcport\?/)
  })

  test('formats that leave addresses or times out are warned of; all others are not', async () => {
    for (const [columns, expected, at] of [
      ['version bytes start', 'no column srcaddr or dstaddr', key],
      ['srcaddr bytes', 'no column start or end', 'x/a'],
      ['srcaddr bytes', null, key],
      ['pkt-srcaddr end', null, 'x/a'],
      [header, null, key],
    ] as const) {
      const bench = await fetched(
        `${columns}\n${'1 '.repeat(columns.split(' ').length).trim()}\n`,
        { sources: [{ bucket, layout: 'any' }] },
        at,
      )
      assert.equal(bench.ledger(at)?.warning, expected, `${columns} ${at}`)
    }
  })
})
