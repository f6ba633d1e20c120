import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { FetchBench, header, keyOf, numbered } from '../../../../support/s3/fetch-cases.ts'

const key = keyOf('joined')
const narrow = 'bytes interface-id start'
const narrowLines = (count: number): string[] => Array.from({ length: count }, (_unused, i) => `${i} eni-${i} 1764000000`)

/** Published blocks: header, first line, lines. */
const blocks = (bench: FetchBench): string[] =>
  bench.cluster
    .readCommitted('rawLines')
    .map(({ headers }) => `${headers['header']!.split(' ').length} columns, ${headers['lines']!} lines from ${headers['first-line']!}`)

test('a second header line ends the block, and what follows carries it', async () => {
  const bench = new FetchBench({ blockBytes: 262_144, linesPerRecord: 5000 })
  const text = [header, ...numbered(3), `\ufeff${narrow}\r`, ...narrowLines(2), '', narrow, header, ...numbered(1)].join('\n')
  await bench.putAndAnnounce(key, gzipSync(text))
  await bench.run()
  assert.deepEqual(blocks(bench), ['14 columns, 3 lines from 2', '3 columns, 3 lines from 6', '14 columns, 1 lines from 11'])
  const ledger = bench.ledger(key)!
  assert.deepEqual([ledger.state, ledger.lines, ledger.headerLines, ledger.blankLines, ledger.header], ['done', 11, 4, 1, header])
})

test('words that look like names but are no header stay data', async () => {
  const bench = new FetchBench()
  const format = 'interface-id az-id flow-direction instance-tag'
  const lines = ['eni-0a use1-az1 ingress web', 'eni-0a use1-az1 egress version', '- - - version', 'version']
  await bench.putAndAnnounce(key, [format, ...lines].join('\n'))
  await bench.run()
  assert.deepEqual(
    bench.lines(key).map(({ text }) => text),
    lines,
  )
  assert.equal(bench.ledger(key)?.headerLines, 1)
})

test('wherever a task is killed, the next one goes on with the header that holds there', async () => {
  const parts = [[header, ...numbered(3000)], [narrow, ...narrowLines(9000)], [header, ...numbered(3000)], [narrow]]
  const expected: string[] = []
  let line = 0
  for (const [head, ...rest] of parts) {
    line++
    for (const text of rest) expected.push(`${++line} ${head!} | ${text}`)
  }
  const body = gzipSync(parts.flat().join('\n'))
  for (const stopAfter of [1, 2, 3, 4]) {
    const bench = new FetchBench()
    bench.store.pieceBytes = 2048
    await bench.putAndAnnounce(key, body)
    let kills = 0
    for (let tries = 0; tries < 50 && bench.ledger(key)?.state !== 'done'; tries++) {
      const task = await bench.cluster.startTask(bench.role, 0)
      let chunks = 0
      bench.onPoint = point => {
        if (point === 'fetch-chunk-committed' && ++chunks === stopAfter) throw new Error('killed')
      }
      const ended = await task
        .drain()
        .then(() => task.stop())
        .then(
          () => true,
          () => false,
        )
      if (!ended) kills++
    }
    assert.ok(stopAfter > 1 || kills > 5, `${kills} kills`)
    const published = bench.cluster.readCommitted('rawLines').flatMap(({ value, headers }) =>
      value!
        .replace(/\n$/, '')
        .split('\n')
        .map((text, i) => `${Number(headers['first-line']) + i} ${headers['header']!} | ${text}`),
    )
    assert.deepEqual(published, expected)
    assert.deepEqual([bench.ledger(key)?.lines, bench.ledger(key)?.headerLines, bench.ledger(key)?.header], [line, 4, narrow])
  }
})
