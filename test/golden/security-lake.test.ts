/** Files of Amazon Security Lake are read as the flow log that they were made of. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readParquetPlainly } from '../../audit/plain-parquet.ts'
import { countText } from '../../audit/plain-reader.ts'
import { bytesInMemory, parquetText } from '../../producers/s3/parquet/parquet-text.ts'

const golden = (file: string): Buffer => readFileSync(join(import.meta.dirname, 'security-lake', file))
const rowsOf = (text: string): Record<string, string>[] => {
  const [header, ...lines] = text.trimEnd().split('\n')
  const names = header!.split(' ')
  return lines.map(line => Object.fromEntries(line.split(' ').map((word, i) => [names[i]!, word])))
}
const twin = rowsOf(golden('flows.log').toString())

async function textOf(file: string, fromLine = 1): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of parquetText(bytesInMemory(golden(file)), { bucket: 'b', key: file }, fromLine)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

for (const file of ['rc2.gz.parquet', 'v1.1.zst.parquet', 'v1.5.parquet']) {
  test(`${file}: every value of every record comes back`, async () => {
    const rows = rowsOf(await textOf(file))
    assert.equal(rows.length, twin.length)
    for (const [i, expected] of twin.entries()) {
      const { unmapped = '-', not_yet_known: other = '-', ...fields } = rows[i]!
      const known = Object.fromEntries(Object.entries(fields).filter(([name, word]) => name in expected || word !== '-'))
      assert.deepEqual(known, expected, `record ${i}`)
      const rest = { 'rc2.gz.parquet': ['-', '-'], 'v1.1.zst.parquet': ['{"not_yet_known":"of%20use"}', '-'], 'v1.5.parquet': ['-', 'of%20use'] }[file]
      assert.deepEqual([unmapped, other], rest)
    }
  })

  test(`${file} is gone on from any line`, async () => {
    const lines = (await textOf(file)).split(/(?<=\n)/)
    for (const from of [2, 3, 17, 18, 19, 20, 36, 43, 44]) assert.equal(await textOf(file, from), lines.slice(from - 1).join(''), String(from))
  })

  test(`the plain reader counts ${file} as the flow log that it was made of`, async () => {
    const expected = countText(golden('flows.log'), 65_536)
    assert.ok(expected.ok && expected.tally.flows === 40 && expected.tally.noData === 1 && expected.tally.skipData === 1)
    assert.deepEqual(await readParquetPlainly(golden(file), 65_536), expected)
  })
}
