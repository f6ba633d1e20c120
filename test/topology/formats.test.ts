/** Format x version x container x arrival, value by value: from the object through fetch and enrich. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { readParquetPlainly } from '../../audit/plain-parquet.ts'
import { readPlainly } from '../../audit/plain-reader.ts'
import { flowFields } from '../../schemas/flow-fields.ts'
import type { ArrivalSource, FlowGap } from '../../schemas/records.ts'
import type { FlowRecord } from '../../schemas/flow-types.ts'
import { matrixFormats, matrixRecords, matrixText, type MatrixFormat, type MatrixRecord } from '../support/format-matrix.ts'
import { MemoryPath } from '../support/memory-path.ts'
import { parquetObject, parquetTypings } from '../support/parquet-object.ts'

/** How the records become an object. */
interface Container {
  readonly name: string
  readonly suffix: string
  readonly body: (format: MatrixFormat, records: readonly MatrixRecord[]) => Buffer
}

const rowsOf = (format: MatrixFormat, records: readonly MatrixRecord[]): string[][] =>
  records.map(({ tokens }) => format.columns.map(name => tokens[name]!))

const containers: readonly Container[] = [
  { name: 'plain', suffix: '.log', body: (format, records) => Buffer.from(matrixText(format, records)) },
  { name: 'gzip', suffix: '.log.gz', body: (format, records) => gzipSync(matrixText(format, records)) },
  { name: 'zstd', suffix: '.log.zst', body: (format, records) => zstdCompressSync(matrixText(format, records)) },
  {
    name: 'gzip in members, byte-order mark, CRLF, runs of spaces',
    suffix: '.log.gz',
    body: (format, records) => {
      const bytes = Buffer.from(`\ufeff${matrixText(format, records, '\r\n', '  ')}`)
      return Buffer.concat([gzipSync(bytes.subarray(0, 333)), gzipSync(bytes.subarray(333))])
    },
  },
]
const parquetContainers: readonly Container[] = parquetTypings.map((typing, i) => ({
  name: `Parquet, values as ${typing}`,
  suffix: i === 0 ? '.log.parquet' : '.gz.parquet',
  body: (format, records) => parquetObject(format.columns, rowsOf(format, records), { typing, rowGroupSize: 5 }),
}))
const arrivals: readonly ArrivalSource[] = ['poll', 'notification', 'backfill', 'retry']

const account = '000000000042'

function at(record: object, place: string): unknown {
  const [group, name] = place.split('.') as [keyof object, string?]
  const value: unknown = record[group]
  return name === undefined ? value : value === null ? null : (value as Record<string, unknown>)[name]
}

function assertFlow(flow: FlowRecord, { values, tokens }: MatrixRecord, format: MatrixFormat, slotS: number): void {
  for (const field of flowFields) {
    if (field.name === 'start' || field.name === 'end') continue
    const value = values[field.name] ?? null
    // what the object key says stands in for a column that the format does not have
    const expected = field.name in values ? value : field.name === 'account-id' ? account : field.name === 'region' ? 'us-east-1' : null
    assert.equal(at(flow, field.record), expected, `${format.name}, line ${flow.line}, ${field.name}`)
  }
  const [start, end] = [values['start'] ?? null, values['end'] ?? null] as [number | null, number | null]
  assert.equal(flow.timeSource, start !== null && end !== null ? 'logged' : 'slot')
  assert.deepEqual([flow.start, flow.end], [start ?? Math.min(slotS, end ?? slotS), end ?? Math.max(slotS + 299, start ?? 0)])
  const unknown = format.columns.filter(name => !(name in values) && tokens[name] !== '-')
  assert.deepEqual(flow.extra, unknown.length === 0 ? null : Object.fromEntries(unknown.map(name => [name, tokens[name]])))
}

function assertGap(gap: FlowGap, { values, kind }: MatrixRecord): void {
  assert.equal(gap.kind, kind)
  assert.equal(gap.interfaceId, values['interface-id'] ?? values['resource-id'] ?? values['tgw-attachment-id'] ?? null)
  for (const field of ['vpc-id', 'subnet-id', 'instance-id', 'az-id'])
    assert.equal(at(gap, flowFields.find(({ name }) => name === field)!.record), values[field] ?? null, field)
}

for (const [index, container] of [...containers, ...parquetContainers].entries()) {
  const source = arrivals[index % arrivals.length]!
  test(`every format in ${container.name}, by ${source}: every value of every field`, async () => {
    const path = new MemoryPath()
    const records = new Map<string, { format: MatrixFormat; records: MatrixRecord[] }>()
    for (const format of matrixFormats) {
      const key = path.keyOf(format.name, account).replace('.log.gz', container.suffix)
      const made = matrixRecords(format, path.slotS)
      records.set(key, { format, records: made })
      const body = container.body(format, made)
      path.objects.put(path.bucket, key, body)
      if (source !== 'poll')
        path.cluster.put('objectArrivals', { bucket: path.bucket, key }, { etag: null, size: body.length, lastModifiedMs: null, source })
      const plain = await (container.suffix.endsWith('.parquet') ? readParquetPlainly : readPlainly)(body, path.config.s3.maxLineBytes)
      assert.ok(plain.ok)
      const flows = made.filter(({ kind }) => kind === 'flow').length
      assert.deepEqual([plain.tally.lines, plain.tally.flows, plain.tally.dead], [made.length + 1, flows, 0], format.name)
    }
    if (source === 'poll') await path.discover()
    await path.work()

    assert.deepEqual(
      path.cluster.readCommitted('deadLetters').map(({ value }) => `${value!.reason} ${value!.detail}`),
      [],
    )
    const ledger = path.cluster.latest('objects', ({ key }) => key)
    for (const [key, { format, records: made }] of records) {
      const { state, lines, headerLines, objectId } = ledger.get(key)!
      assert.deepEqual([state, lines, headerLines], ['done', made.length + 1, 1], format.name)
      const flows = path.cluster
        .readCommitted('flows')
        .map(({ value }) => value!)
        .filter(flow => flow.objectId.equals(objectId))
      const gaps = path.cluster
        .readCommitted('flowGaps')
        .map(({ value }) => value!)
        .filter(gap => gap.objectId.equals(objectId))
      assert.equal(flows.length + gaps.length, made.length, format.name)
      for (const [i, record] of made.entries()) {
        const line = i + 2
        if (record.kind === 'flow')
          assertFlow(
            flows.find(flow => flow.line === line)!,
            record,
            format,
            path.slotS,
          )
        else
          assertGap(
            gaps.find(gap => gap.line === line)!,
            record,
          )
      }
    }
  })
}

test('the matrix has every documented field, each with a value and absent', () => {
  const seen = new Map<string, Set<boolean>>()
  for (const format of matrixFormats)
    for (const { kind, values } of matrixRecords(format, 1_764_000_000))
      if (kind === 'flow')
        for (const [name, value] of Object.entries(values)) (seen.get(name) ?? seen.set(name, new Set()).get(name)!).add(value !== null)
  assert.deepEqual(
    flowFields.filter(({ name }) => seen.get(name)?.size !== 2).map(({ name }) => name),
    [],
  )
})
