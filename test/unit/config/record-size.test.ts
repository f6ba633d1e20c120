/** No record that the settings allow is larger than `kafka.maxRecordBytes`, and settings that would allow one are refused. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkConfig } from '../../../config/config.ts'
import { FlowError } from '../../../runtime/errors.ts'
import { bytesOf, largestRecords, settingsAtLimit } from '../../support/records/largest-records.ts'

const faultsOf = (settings: Parameters<typeof checkConfig>[0]): string => {
  try {
    checkConfig(settings)
  } catch (error) {
    assert.ok(error instanceof FlowError)
    return error.message
  }
  return ''
}

test('the largest record of each topic stays within the default of kafka.maxRecordBytes', () => {
  const { maxRecordBytes } = checkConfig({}).kafka
  const sizes = largestRecords().map(({ topic, what, record }) => ({ topic, what, bytes: bytesOf(record) }))
  for (const { topic, what, bytes } of sizes) assert.ok(bytes <= maxRecordBytes, `${topic}, ${what}: ${bytes} bytes`)
  // made of input at its limits: not small
  for (const topic of ['deadLetters', 'flows', 'ipSightings', 'objects', 'rawLines'])
    assert.ok(
      sizes.some(entry => entry.topic === topic && entry.bytes > 100_000),
      topic,
    )
})

test('blocks and lines that a broker with its default would refuse are refused before', () => {
  const { blockBytes } = settingsAtLimit('block').s3
  const { maxLineBytes } = settingsAtLimit('line').s3
  assert.match(
    faultsOf({ s3: { blockBytes: blockBytes + 1 } }),
    /allows records of 1000001 bytes, but kafka\.maxRecordBytes is 1000000.*\n.*s3\.blockBytes/,
  )
  assert.match(
    faultsOf({ s3: { maxLineBytes: maxLineBytes + 1 } }),
    /allows records of 100000\d bytes, but kafka\.maxRecordBytes is 1000000.*\n.*s3\.maxLineBytes/,
  )
  assert.equal(faultsOf({ kafka: { maxRecordBytes: 4_000_000 }, s3: { blockBytes: 3_000_000, maxLineBytes: 500_000 } }), '')
  const source = { bucket: 'b', prefix: '', format: Array.from({ length: 60_000 }, () => 'srcaddr').join(' ') }
  assert.match(faultsOf({ s3: { blockBytes: 900_000, sources: [source] } }), /s3\.blockBytes/)
})
