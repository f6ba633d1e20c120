import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { objectIdOf } from '../../../../../schemas/object-id.ts'
import { bucket, FetchBench, gz, header, keyOf, numbered } from '../../../../support/s3/fetch-cases.ts'

const key = keyOf('a')

test('publishes every line of a small object once, with header, numbers and object id', async () => {
  const bench = new FetchBench()
  const etag = await bench.putAndAnnounce(key, gz(numbered(50)))
  await bench.run()
  assert.deepEqual(
    bench.lines(key),
    numbered(50).map((text, index) => ({ line: index + 2, text })),
  )
  const [first] = bench.cluster.readCommitted('rawLines')
  const objectId = objectIdOf(bucket, key, etag)
  assert.deepEqual(first?.headers, {
    header,
    etag,
    'object-id': objectId.toString('hex'),
    'first-line': '2',
    lines: '20',
    'last-modified': String(bench.store.clockMs),
  })
  const ledger = bench.ledger(key)
  assert.equal(ledger?.state, 'done')
  assert.deepEqual([ledger.lines, ledger.headerLines, ledger.blankLines, ledger.deadLines, ledger.nextLine], [51, 1, 0, 0, 52])
  assert.equal(ledger.textBytes, `${[header, ...numbered(50)].join('\n')}\n`.length)
  assert.deepEqual(
    [ledger.accountId, ledger.region, ledger.flowLogId, ledger.slotStart],
    ['123456789012', 'us-east-1', 'fl-0123456789abcdef0', Date.parse('2026-11-24T11:55:00Z') / 1000],
  )
  assert.deepEqual(ledger.objectId, objectId)
})

test('many small objects share a transaction whose position is behind the last of them', async () => {
  const bench = new FetchBench()
  for (let i = 0; i < 20; i++) await bench.putAndAnnounce(keyOf(`s${i}`), gz(numbered(5)))
  await bench.run()
  assert.deepEqual(bench.cluster.commits, [{ role: 'fetch', partition: 0, position: { offset: 20, metadata: '' } }])
  assert.equal(bench.cluster.readCommitted('objects').length, 20)
})

test('an arrival that comes again changes nothing, in the same batch and after a restart', async () => {
  const bench = new FetchBench()
  await bench.putAndAnnounce(key, gz(numbered(5)))
  await bench.announce(key, 'notification')
  await bench.run()
  await bench.announce(key)
  await bench.announce(key, 'retry')
  await bench.run()
  assert.equal(bench.lines(key).length, 5)
  assert.equal(bench.store.requests.open.length, 1)
  assert.equal(bench.cluster.positionOf(bench.role, 0).offset, 4)
})

const shapes: { name: string; body: Buffer | string; lines: number; published: number; blank?: number; headers?: number }[] = [
  { name: 'only a header', body: gz([]), lines: 1, published: 0 },
  { name: 'only a header without line end', body: gzipSync(header), lines: 1, published: 0 },
  { name: 'plain text', body: `${header}\n${numbered(3).join('\n')}\n`, lines: 4, published: 3 },
  { name: 'no line end at the end', body: gzipSync(`${header}\n${numbered(3).join('\n')}`), lines: 4, published: 3 },
  { name: 'carriage returns', body: gzipSync(`${header}\r\n${numbered(3).join('\r\n')}\r\n`), lines: 4, published: 3 },
  { name: 'a byte order mark', body: gzipSync(`\ufeff${header}\n${numbered(3).join('\n')}\n`), lines: 4, published: 3 },
  {
    name: 'blank lines before and between',
    body: gzipSync(`\n\n${header}\n\n${numbered(3).join('\n \n')}\n`),
    lines: 9,
    published: 6,
    blank: 5,
  },
  { name: 'two gzip members', body: Buffer.concat([gzipSync(`${header}\n2 a`), gzipSync(' b\n2 c\n')]), lines: 3, published: 2 },
]
for (const { name, body, lines, published, blank = 0, headers = 1 } of shapes) {
  test(`reads an object with ${name}`, async () => {
    const bench = new FetchBench()
    await bench.putAndAnnounce(key, body)
    await bench.run()
    const ledger = bench.ledger(key)
    assert.equal(ledger?.state, 'done')
    assert.deepEqual([ledger.lines, bench.lines(key).length, ledger.blankLines, ledger.headerLines], [lines, published, blank, headers])
    if (headers === 1) assert.equal(ledger.header, header)
  })
}

const refused: { name: string; key?: string; body: Buffer | string; code: string }[] = [
  { name: 'text that is no flow log', body: gzipSync('{"Records":[]}\n{}\n'), code: 'OBJECT_NO_HEADER' },
  { name: 'data lines without a header', body: gzipSync(`${numbered(3).join('\n')}\n`), code: 'OBJECT_NO_HEADER' },
  { name: 'words that are no field names', body: 'hello world\n', code: 'OBJECT_NO_HEADER' },
  { name: 'random bytes', body: Buffer.concat([Buffer.from([1]), randomBytes(5000)]), code: 'OBJECT_NOT_TEXT' },
  { name: 'a first line beyond the limit', body: `version ${'x'.repeat(5000)}`, code: 'OBJECT_NO_HEADER' },
]
for (const { name, key: named = key, body, code } of refused) {
  test(`records ${name} as failed at once and reads the others`, async () => {
    const bench = new FetchBench()
    await bench.putAndAnnounce(named, body)
    await bench.putAndAnnounce(keyOf('good'), gz(numbered(2)))
    await bench.run()
    const ledger = bench.ledger(named)
    assert.deepEqual([ledger?.state, ledger?.errorCode, ledger?.lines, ledger?.attempts, ledger?.retryAtMs], ['failed', code, 0, 1, null])
    assert.notEqual(ledger?.errorDetail, null)
    assert.equal(bench.ledger(keyOf('good'))?.state, 'done')
    assert.equal(bench.lines(named).length, 0)
  })
}

test('a line beyond the limit goes to dead letters with its hash, and the numbers go on', async () => {
  const bench = new FetchBench()
  const long = `2 ${'y'.repeat(20_000)}`
  const lines = [...numbered(3), long, ...numbered(2, 6)]
  await bench.putAndAnnounce(key, gz(lines))
  await bench.run()
  assert.deepEqual(
    bench.lines(key).map(({ line }) => line),
    [2, 3, 4, 6, 7],
  )
  const [dead] = bench.cluster.readCommitted('deadLetters')
  assert.equal(dead?.value?.reason, 'line-too-long')
  assert.deepEqual([dead.value.stage, dead.value.line, dead.value.length, dead.value.header], ['fetch', 5, long.length, header])
  assert.equal(dead.value.bytes.toString(), long.slice(0, 4096))
  assert.deepEqual(dead.value.sha256, createHash('sha256').update(long).digest())
  assert.deepEqual([bench.ledger(key)?.lines, bench.ledger(key)?.deadLines], [7, 1])
})

test('a line of 250 MB passes through in bounded memory', async () => {
  const bench = new FetchBench()
  const body = gzipSync(
    Buffer.concat([Buffer.from(`${header}\n`), Buffer.alloc(250_000_000, 0x78), Buffer.from(`\n${numbered(1)[0]!}\n`)]),
    { level: 1 },
  )
  await bench.putAndAnnounce(key, body)
  globalThis.gc?.()
  const before = process.memoryUsage()
  let peak = 0
  const timer = setInterval(() => (peak = Math.max(peak, process.memoryUsage().arrayBuffers)), 1)
  await bench.run()
  clearInterval(timer)
  assert.equal(bench.ledger(key)?.state, 'done')
  assert.deepEqual([bench.ledger(key)?.lines, bench.ledger(key)?.deadLines], [3, 1])
  assert.deepEqual(
    bench.lines(key).map(({ line }) => line),
    [3],
  )
  assert.ok(peak - before.arrayBuffers < 100_000_000, `held ${peak - before.arrayBuffers} bytes`)
})
