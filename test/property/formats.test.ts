import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { readPlainly } from '../../audit/plain-reader.ts'
import { addTally, emptyTally } from '../../schemas/tally.ts'
import { createEnrichRole } from '../../processors/enrich/enrich-processor.ts'
import { flowFields } from '../../flow/fields.ts'
import { matrixFormats, matrixRecords } from '../support/files/format-matrix.ts'
import { FetchBench, keyOf } from '../support/s3/fetch-cases.ts'

const runs = Number(process.env['FLOWLOOM_TEST_RUNS'] ?? 150)
const lookups = { country: 'none', asn: 'none', threats: [], reloadMs: 0, dictionaryEntries: 1000 }
const maxLineBytes = 700
const key = keyOf('any')

const records = matrixRecords(
  matrixFormats.find(({ name }) => name === 'v11-documented')!,
  1_764_000_000,
)
const gateway = matrixRecords(
  matrixFormats.find(({ name }) => name === 'v6-documented')!,
  1_764_000_000,
)
const wild = fc.constantFrom(
  '-1',
  '70000',
  '1764000000000',
  '9007199254740991',
  '300',
  '10.0.0.256',
  'MAYBE',
  '',
  'version',
  '\ufffd',
  'x'.repeat(800),
)
const noise = fc.oneof(
  fc.constantFrom('', '  ', '\r', 'version', 'start end', 'bytes eni-1', '\ufeffsrcaddr bytes', '- - -', '\u0000'),
  fc.string({ unit: 'binary', maxLength: 40 }),
)

/** Columns in any order and number, and lines of which most fit them. */
const part = fc
  .tuple(
    fc.shuffledSubarray([...flowFields.map(({ name }) => name), 'not-known', 'nor_this'], { minLength: 1 }),
    fc.array(fc.tuple(fc.nat(11), fc.boolean(), fc.option(fc.tuple(fc.nat(), wild), { freq: 4 }), fc.option(noise, { freq: 5 })), {
      maxLength: 8,
    }),
    fc.constantFrom('\n', '\r\n'),
    fc.constantFrom(' ', '   '),
  )
  .map(([columns, lines, lineEnd, between]) => {
    const text = lines.map(([index, transit, spoilt, other]) => {
      if (other !== null) return other
      const tokens = columns.map(name => ({ ...gateway[index]!.tokens, ...(transit ? {} : records[index]!.tokens) })[name] ?? '-')
      if (spoilt !== null) tokens[spoilt[0] % tokens.length] = spoilt[1]
      return tokens.filter(token => token !== '').join(between)
    })
    return [columns.join(between), ...text].join(lineEnd)
  })

/** Sends an object through fetch and enrich, and compares with the plain reader of the audit. */
async function assertAccounted(body: Buffer): Promise<void> {
  const bench = new FetchBench({ blockBytes: 1024, linesPerRecord: 6, maxLineBytes })
  bench.store.pieceBytes = 100
  await bench.putAndAnnounce(key, body)
  await bench.run()
  await bench.cluster.runRole(createEnrichRole({ lookups, kafka: { commitRows: 100_000, commitIntervalMs: 500 } }))
  const plain = readPlainly(body, maxLineBytes)
  const ledger = bench.ledger(key)!
  assert.equal(ledger.state, plain.ok ? 'done' : 'failed')
  if (!plain.ok) {
    assert.equal(bench.cluster.readCommitted('rawLines').length, 0)
    return
  }
  const flows = bench.cluster.readCommitted('flows').map(({ value }) => value!)
  const gaps = bench.cluster.readCommitted('flowGaps').map(({ value }) => value!)
  const dead = bench.cluster.readCommitted('deadLetters').map(({ value }) => value!)
  const sums = emptyTally()
  for (const { packets, bytes } of flows) addTally(sums, { packets: packets ?? 0, bytes: bytes ?? 0 })
  assert.deepEqual(
    {
      lines: ledger.lines,
      headers: ledger.headerLines,
      blank: ledger.blankLines,
      flows: flows.length,
      noData: gaps.filter(({ kind }) => kind === 'NODATA').length,
      skipData: gaps.filter(({ kind }) => kind === 'SKIPDATA').length,
      dead: dead.length,
      packets: sums.packets,
      bytes: sums.bytes,
    },
    plain.tally,
  )
  const lines = [...flows, ...gaps, ...dead].map(({ line }) => line)
  assert.equal(new Set(lines).size, lines.length)
  assert.equal(lines.length + ledger.headerLines + ledger.blankLines, ledger.lines)
}

test('objects of any columns in any order, joined and spoilt, are accounted for line by line as the audit counts them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 4 }), fc.boolean(), async (parts, packed) => {
      const text = Buffer.from(parts.join('\n'))
      await assertAccounted(packed ? gzipSync(text, { level: 1 }) : text)
    }),
    { numRuns: runs },
  )
})

test('random bytes behind a header never throw and are accounted for', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 900 }), async bytes => {
      await assertAccounted(Buffer.concat([Buffer.from('bytes srcaddr interface-id\n'), bytes]))
    }),
    { numRuns: runs },
  )
})

test('random objects are read or refused, never half', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async bytes => {
      // an object that begins like gzip is broken, not foreign, and one without a line is empty: fetch tries both again
      if (bytes[0] === 0x1f && bytes[1] === 0x8b) return
      if (Buffer.from(bytes).toString().trim() === '') return
      await assertAccounted(Buffer.from(bytes))
    }),
    { numRuns: runs },
  )
})
