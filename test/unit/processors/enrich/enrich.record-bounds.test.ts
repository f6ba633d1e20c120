// No record that enrich writes can pass the 1 MiB that a broker takes by default, whatever the input.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { maxLineBytes } from '../../../../processors/enrich/parse/parse-buffers.ts'
import { codecs, TestEnricher } from '../../../../harness/enrich-blocks.ts'

const limit = 1_000_000
const long = (columns: number, size: number): string[] => Array.from({ length: columns }, (_, i) => `${i}`.padEnd(size, 'x'))

/** Bytes of the largest record, key included. */
function largest(header: string, text: string): { bytes: number; kinds: string } {
  const { encoded, gaps, deadLetters } = new TestEnricher({ partitions: 1 }).run(header, text)
  const sizes = [
    ...encoded.map(({ keyBytes, value }) => keyBytes.length + codecs.flows.encodeValue(value).length),
    ...gaps.map(gap => codecs.flowGaps.encodeKey(gap).length + codecs.flowGaps.encodeValue(gap).length),
    ...deadLetters.map(letter => codecs.deadLetters.encodeValue(letter).length),
  ]
  return { bytes: Math.max(...sizes), kinds: `${encoded.length} ${gaps.length} ${deadLetters.map(({ reason }) => reason).join()}` }
}

void describe('the largest records', () => {
  const tags = ['instance-tag', 'instance-tag-2', 'interface-tag', 'interface-tag-2', 'asg-tag', 'asg-tag-2']
  const unknown = long(1000, 100)
  const cases: { name: string; header: string; line: string; kinds: string }[] = [
    { name: 'a flow with long tags', header: ['srcaddr', ...tags].join(' '), line: `10.0.0.1 ${long(6, 43_000).join(' ')}`, kinds: '1 0 ' },
    {
      name: 'a flow with long names and values of unknown columns',
      header: `srcaddr ${unknown.join(' ')}`,
      line: `10.0.0.1 ${long(1000, 250).join(' ')}`,
      kinds: '1 0 ',
    },
    {
      name: 'a gap with long names and values',
      header: `interface-id log-status ${unknown.join(' ')}`,
      line: `${'e'.repeat(9000)} NODATA ${long(1000, 240).join(' ')}`,
      kinds: '0 1 ',
    },
    { name: 'a gap of a long interface', header: 'interface-id log-status', line: `${'e'.repeat(260_000)} NODATA`, kinds: '0 1 ' },
    {
      name: 'a line that is too long',
      header: 'srcaddr instance-tag',
      line: `10.0.0.1 ${'x'.repeat(maxLineBytes)}`,
      kinds: '0 0 line-too-long',
    },
    { name: 'a header line that is too long', header: `srcaddr ${long(1400, 100).join(' ')}`, line: '10.0.0.1', kinds: '0 0 no-columns' },
  ]
  for (const { name, header, line, kinds } of cases)
    it(name, () => {
      const found = largest(header, line)
      assert.equal(found.kinds, kinds)
      assert.ok(found.bytes < limit, `${found.bytes} bytes`)
    })
})
