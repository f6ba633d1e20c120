import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readParquetPlainly } from '../../audit/plain-parquet.ts'
import { countText } from '../../audit/plain-reader.ts'
import { bytesInMemory, parquetText } from '../../producers/s3/parquet/parquet-text.ts'

const golden = (file: string): Buffer => readFileSync(join(import.meta.dirname, 'parquet', file))

for (const file of ['flows.gz.parquet', 'flows-v2.parquet']) {
  test(`${file} is read as its text twin, from any line`, async () => {
    const lines = golden('flows.log').toString().split(/(?<=\n)/)
    for (let from = 1; from <= lines.length; from++) {
      const chunks: Buffer[] = []
      for await (const chunk of parquetText(bytesInMemory(golden(file)), { bucket: 'b', key: file }, from)) chunks.push(chunk)
      assert.equal(Buffer.concat(chunks).toString(), lines.slice(from - 1).join(''))
    }
  })

  test(`the plain reader counts ${file} as its text twin`, async () => {
    const twin = countText(golden('flows.log'), 65_536)
    assert.deepEqual(await readParquetPlainly(golden(file), 65_536), twin)
    assert.ok(twin.ok && twin.tally.flows === 38 && twin.tally.skipData === 2 && twin.tally.dead === 0)
  })
}
