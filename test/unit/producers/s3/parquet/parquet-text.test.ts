import type { Encoding, SchemaElement } from 'hyparquet'
import { parquetWriteBuffer, type BasicType } from 'hyparquet-writer'
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesInMemory, parquetText, type RandomAccess } from '../../../../../producers/s3/parquet/parquet-text.ts'
import { headerWord, wordsOf } from '../../../../../producers/s3/text/field-words.ts'
import { Random, seedOf } from '../../../../../producers/synthetic/random.ts'
import { FlowError } from '../../../../../runtime/errors.ts'
import { matrixFormats, matrixRecords, matrixText } from '../../../../support/files/format-matrix.ts'
import { parquetObject, parquetTypings } from '../../../../support/files/parquet-object.ts'
import { FetchBench, gz, header, keyOf, numbered } from '../../../../support/s3/fetch-cases.ts'

const name = { bucket: 'b', key: 'k.parquet' }

async function textOf(source: Buffer | RandomAccess, fromLine?: number, largest?: number): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of parquetText(Buffer.isBuffer(source) ? bytesInMemory(source) : source, name, fromLine, largest))
    chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

const columns = header.split(' ')
const rowsOf = (count: number): string[][] => numbered(count).map(line => line.split(' '))

void describe('the words of Parquet values', () => {
  const cases: { column: string; value: unknown; word: string }[] = [
    { column: 'account_id', value: 1607371330n, word: '001607371330' },
    { column: 'account_id', value: 1607371330, word: '001607371330' },
    { column: 'account_id', value: '001607371330', word: '001607371330' },
    { column: 'account_id', value: 'unknown', word: 'unknown' },
    { column: 'tgw_src_vpc_account_id', value: 42, word: '000000000042' },
    { column: 'srcport', value: '443', word: '443' },
    { column: 'srcport', value: '443.0', word: '443' },
    { column: 'srcport', value: 443, word: '443' },
    { column: 'bytes', value: 9007199254740993n, word: '9007199254740993' },
    { column: 'bytes', value: 1e21, word: '1000000000000000000000' },
    { column: 'bytes', value: NaN, word: '-' },
    { column: 'bytes', value: 1.5, word: '1.5' },
    { column: 'action', value: null, word: '-' },
    { column: 'action', value: undefined, word: '-' },
    { column: 'action', value: 'None', word: '-' },
    { column: 'action', value: '-', word: '-' },
    { column: 'action', value: '', word: '-' },
    { column: 'instance_tag', value: 'None', word: 'None' },
    { column: 'instance_tag', value: 'a b\nc%20d', word: 'a%20b%0Ac%20d' },
    { column: 'whatIsThis', value: { a: [1n, null] }, word: '{"a":["1",null]}' },
    { column: 'whatIsThis', value: true, word: 'true' },
    { column: 'whatIsThis', value: Uint8Array.from([120, 121]), word: 'xy' },
  ]
  for (const { column, value, word } of cases)
    void it(`${column}: ${typeof value} ${String(value)} is ${word}`, () => assert.equal(wordsOf(column)(value), word))

  void it('names are those of AWS where documented', () => {
    assert.deepEqual(['pkt_srcaddr', 'srcaddr', 'my_column', 'my column', ''].map(headerWord), [
      'pkt-srcaddr',
      'srcaddr',
      'my_column',
      'my%20column',
      '-',
    ])
  })
})

void describe('a Parquet object', () => {
  for (const typing of parquetTypings)
    void it(`is the text of its twin, in every format, with values as ${typing}`, async () => {
      for (const format of matrixFormats) {
        const records = matrixRecords(format, 1_764_000_000)
        const rows = records.map(({ tokens }) => format.columns.map(column => tokens[column]!))
        for (const shape of [{}, { rowGroupSize: 5 }, { codec: 'SNAPPY', pageSize: 100 }] as const)
          assert.equal(await textOf(parquetObject(format.columns, rows, { typing, ...shape })), matrixText(format, records), format.name)
      }
    })

  void it('is the same text in every encoding, with and without absent values, in pages of any size', async () => {
    const kinds: { type: BasicType; encodings: Encoding[]; value: (i: number) => unknown; word: (i: number) => string }[] = [
      {
        type: 'STRING',
        encodings: ['PLAIN', 'RLE_DICTIONARY', 'DELTA_LENGTH_BYTE_ARRAY', 'DELTA_BYTE_ARRAY'],
        value: i => `eni-${i % 40}`,
        word: i => `eni-${i % 40}`,
      },
      { type: 'INT32', encodings: ['PLAIN', 'RLE_DICTIONARY', 'DELTA_BINARY_PACKED', 'BYTE_STREAM_SPLIT'], value: i => i, word: String },
      { type: 'INT64', encodings: ['PLAIN', 'RLE_DICTIONARY', 'DELTA_BINARY_PACKED', 'BYTE_STREAM_SPLIT'], value: BigInt, word: String },
      { type: 'DOUBLE', encodings: ['PLAIN', 'RLE_DICTIONARY', 'BYTE_STREAM_SPLIT'], value: i => i / 4, word: i => String(i / 4) },
      { type: 'BOOLEAN', encodings: ['PLAIN', 'RLE'], value: i => i % 3 === 0, word: i => String(i % 3 === 0) },
    ]
    const rows = Array.from({ length: 700 }, (_unused, i) => i)
    for (const { type, encodings, value, word } of kinds)
      for (const encoding of encodings)
        for (const absent of [0, 5, 700])
          for (const shape of [{}, { rowGroupSize: 300, pageSize: 150 }, { codec: 'SNAPPY', pageSize: 1000 }] as const) {
            const gone = (i: number): boolean => absent > 0 && i % 5 < (absent === 700 ? 5 : 2)
            const data = rows.map(i => (gone(i) ? null : value(i)))
            const file = Buffer.from(parquetWriteBuffer({ columnData: [{ name: 'x', type, encoding, data, nullable: true }], ...shape }))
            const lines = rows.map(i => `${gone(i) ? '-' : word(i)}\n`)
            const what = `${type} ${encoding} ${absent} ${JSON.stringify(shape)}`
            for (const from of [1, 2, 301, 420, 702])
              assert.equal(await textOf(file, from), ['x\n', ...lines].slice(from - 1).join(''), `${what}, line ${from}`)
          }
  })

  void it('with columns in columns has their values as JSON', async () => {
    const schema: SchemaElement[] = [
      { name: 'root', num_children: 3 },
      { name: 'srcaddr', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
      { name: 'tags', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', repetition_type: 'OPTIONAL', type: 'INT32' },
      { name: 'owner', repetition_type: 'OPTIONAL', num_children: 2 },
      { name: 'id', repetition_type: 'OPTIONAL', type: 'INT32' },
      { name: 'name', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
    ]
    const rows = Array.from({ length: 100 }, (_unused, i) => ({
      tags: i % 4 === 0 ? null : i % 4 === 1 ? [] : [i, null, i + 1],
      owner: i % 3 === 0 ? null : { id: i, name: `n${i % 7}` },
    }))
    const columnData = [
      { name: 'srcaddr', data: rows.map(() => '10.0.0.1') },
      { name: 'tags', data: rows.map(({ tags }) => tags) },
      { name: 'owner', data: rows.map(({ owner }) => owner) },
    ]
    const wordOf = (value: unknown): string => (value === null ? '-' : JSON.stringify(value))
    const lines = ['srcaddr tags owner\n', ...rows.map(({ tags, owner }) => `10.0.0.1 ${wordOf(tags)} ${wordOf(owner)}\n`)]
    for (const shape of [{}, { rowGroupSize: 30, pageSize: 60 }]) {
      const file = Buffer.from(parquetWriteBuffer({ columnData, schema, ...shape }))
      for (const from of [1, 2, 31, 77, 101, 102]) assert.equal(await textOf(file, from), lines.slice(from - 1).join(''), `line ${from}`)
    }
  })

  void it('goes on from any line', async () => {
    const object = parquetObject(columns, rowsOf(100), { rowGroupSize: 30, pageSize: 200 })
    const lines = (await textOf(object)).split(/(?<=\n)/)
    assert.equal(lines.length, 101)
    for (let line = 1; line <= 102; line++) assert.equal(await textOf(object, line), lines.slice(line - 1).join(''), `line ${line}`)
    await assert.rejects(textOf(object, 103), { code: 'OBJECT_BROKEN' })
  })

  void it('with no rows is a header line, with no bytes nothing', async () => {
    assert.equal(await textOf(parquetObject(columns, [])), `${header}\n`)
    assert.equal(await textOf(Buffer.alloc(0)), '')
  })

  void it('is read row group by row group', async () => {
    const object = parquetObject(columns, rowsOf(20_000), { rowGroupSize: 1000, codec: 'UNCOMPRESSED' })
    const reads: number[] = []
    const source: RandomAccess = {
      size: object.length,
      read: (from, to) => {
        reads.push(to - from)
        return Promise.resolve(object.subarray(from, to))
      },
    }
    assert.equal((await textOf(source)).split('\n').length, 20_002)
    assert.equal(reads.length, 21)
    const [footer, ...groups] = reads
    assert.ok(footer! <= 524_288)
    assert.ok(groups.every(bytes => bytes < object.length / 15))
    const largest = Math.max(...groups)
    assert.equal((await textOf(object, 1, largest)).length, (await textOf(object)).length)
    await assert.rejects(textOf(object, 1, largest - 1), { code: 'OBJECT_BROKEN' })
  })

  void it('that is cut anywhere, or has damaged pages, is broken and nothing else', async () => {
    const object = parquetObject(columns, rowsOf(200), { rowGroupSize: 90 })
    const pages = object.length - 8 - object.readUInt32LE(object.length - 8)
    const whole = await textOf(object)
    const draw = new Random(seedOf(11, 'damage'))
    let broken = 0
    for (let i = 0; i < 300; i++) {
      const damaged = Buffer.from(object)
      if (i % 2 === 0) damaged.fill(draw.below(256), 4 + draw.below(pages - 14), pages)
      try {
        // a fill may leave what nobody looks at: then the text is the same
        assert.equal(await textOf(i % 2 === 0 ? damaged : object.subarray(0, 1 + draw.below(object.length - 1))), whole)
      } catch (error) {
        assert.ok(error instanceof FlowError && error.code === 'OBJECT_BROKEN', String(error))
        broken++
      }
    }
    assert.ok(broken > 280, `${broken} of 300 broken`)
  })
})

void describe('fetch of Parquet', () => {
  const key = keyOf('p').replace('.log.gz', '.gz.parquet')

  void it('publishes the lines that its text twin has, with the same numbers', async () => {
    const bench = new FetchBench()
    const twin = keyOf('twin')
    await bench.putAndAnnounce(key, parquetObject(columns, rowsOf(500), { rowGroupSize: 90 }))
    await bench.putAndAnnounce(twin, gz(numbered(500)))
    await bench.run()
    assert.deepEqual(bench.lines(key), bench.lines(twin))
    const { lines, headerLines, blankLines, textBytes, header: line, state } = bench.ledger(key)!
    const other = bench.ledger(twin)!
    assert.deepEqual(
      { lines, headerLines, blankLines, textBytes, line, state },
      {
        lines: other.lines,
        headerLines: 1,
        blankLines: 0,
        textBytes: other.textBytes,
        line: header,
        state: 'done',
      },
    )
  })

  void it('of more than 4 MiB reads parts of it, and goes on from a committed line after each kill', async () => {
    const bench = new FetchBench({ chunkBytes: 1_048_576 })
    const rows = rowsOf(30_000)
    // fat columns make it large
    const body = parquetObject(
      [...columns, 'fat'],
      rows.map((row, i) => [...row, `${i}`.repeat(30)]),
      {
        rowGroupSize: 10_000,
        codec: 'UNCOMPRESSED',
      },
    )
    assert.ok(body.length > 4_194_304)
    await bench.putAndAnnounce(key, body)
    const kills = await bench.runKilled(key, { chunks: 2, tries: 30 })
    assert.ok(kills > 1, `${kills} kills`)
    assert.deepEqual(
      bench.lines(key),
      rows.map((row, i) => ({ line: i + 2, text: `${row.join(' ')} ${`${i}`.repeat(30)}` })),
    )
    assert.equal(bench.ledger(key)?.lines, 30_001)
  })

  const refused: { name: string; body: Buffer; code: string; attempts: number }[] = [
    { name: 'noise', body: Buffer.from('PAR1 and so on PAR2'), code: 'OBJECT_BROKEN', attempts: 3 },
    { name: 'a cut file', body: parquetObject(columns, rowsOf(50)).subarray(0, -20), code: 'OBJECT_BROKEN', attempts: 3 },
    {
      name: 'other columns',
      body: parquetObject(['eventTime', 'eventName'], [['1', '2']]),
      code: 'OBJECT_NO_HEADER',
      attempts: 1,
    },
    {
      name: 'other columns, of which one has the name of a field',
      body: parquetObject(['user', 'action', 'note'], [['a', 'ACCEPT', 'b']]),
      code: 'OBJECT_NO_HEADER',
      attempts: 1,
    },
  ]
  for (const { name: what, body, code, attempts } of refused)
    void it(`records ${what} as failed`, async () => {
      const bench = new FetchBench()
      await bench.putAndAnnounce(key, body)
      const task = await bench.cluster.startTask(bench.role, 0)
      await task.drain()
      for (let i = 0; i < 6; i++) {
        bench.cluster.clockMs += 10_000
        for (let tick = 0; tick < 4; tick++) {
          await task.tick()
          await new Promise(resolve => setTimeout(resolve, 2))
        }
      }
      await task.stop()
      const ledger = bench.ledger(key)
      assert.deepEqual([ledger?.state, ledger?.errorCode, ledger?.attempts, ledger?.lines], ['failed', code, attempts, 0])
    })
})
