/** How the records of the format matrix become an object: every container, compression and physical typing. */
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { matrixText, type MatrixFormat, type MatrixRecord } from './format-matrix.ts'
import { snappyBlock, snappyFramed, snappyHadoop, snappyJava, zipOf } from './packed-objects.ts'
import { parquetObject, parquetTypings } from './parquet-object.ts'

/** How the records become an object. */
export interface MatrixContainer {
  readonly name: string
  readonly suffix: string
  /** True if the lines come without a header line: the source of the object says the format. */
  readonly bare: boolean
  /** True if what is in it is as in another container: some column orders are enough where the services are the real ones. */
  readonly repeats?: boolean
  readonly body: (format: MatrixFormat, records: readonly MatrixRecord[]) => Buffer
}

const wordsOf = (format: MatrixFormat, records: readonly MatrixRecord[]): string[][] =>
  records.map(({ tokens }) => format.columns.map(name => tokens[name]!))

/** Records as a CloudWatch Logs subscription delivers them: documents of a few events each, and one that only checks the way. */
function envelopes(format: MatrixFormat, records: readonly MatrixRecord[]): Buffer[] {
  const messages = wordsOf(format, records).map(words => words.join(' '))
  const base = { owner: '123456789012', logGroup: 'flow "logs" {all}', logStream: 'eni-0a-all', subscriptionFilters: ['to-s3'] }
  const document = (messageType: string, events: readonly string[]): Buffer =>
    Buffer.from(
      JSON.stringify({
        messageType,
        ...base,
        logEvents: events.map((message, i) => ({ id: String(i), timestamp: 1_764_000_000_000, message })),
      }),
    )
  return [
    document('DATA_MESSAGE', messages.slice(0, 5)),
    document('CONTROL_MESSAGE', ['CWL CONTROL MESSAGE: Checking health of destination Firehose.']),
    document('DATA_MESSAGE', messages.slice(5)),
  ]
}

type Body = MatrixContainer['body']

/** Records as a flow log delivers them to Firehose directly: nothing stands between two. */
const delivered: Body = (format, records) =>
  Buffer.from(
    wordsOf(format, records)
      .map(words => JSON.stringify({ message: words.join(' ') }))
      .join(''),
  )

/** Records as the console of CloudWatch Logs exports them. */
const exported: Body = (format, records) =>
  Buffer.from(
    [
      'timestamp,message',
      ...wordsOf(format, records).map((words, i) =>
        i % 2 === 0 ? `1764000000000,"${words.join(' ')}"` : `1764000000000,${words.join(' ')}`,
      ),
    ].join('\n'),
  )

/** Records as JSON, one field per key: whole numbers as numbers, absent values as null. */
const structured: Body = ({ columns }, records) => {
  const value = (token: string): string => (token === '-' ? 'null' : /^(?:0|[1-9]\d*)$/.test(token) ? token : JSON.stringify(token))
  return Buffer.from(
    records
      .map(
        ({ tokens }) =>
          `{${columns.map((name, i) => `${JSON.stringify(i % 2 === 0 ? name : name.replaceAll('-', '_'))}:${value(tokens[name]!)}`).join(',')}}`,
      )
      .join('\n'),
  )
}

const members: Body = (format, records) => {
  const bytes = Buffer.from(`\ufeff${matrixText(format, records, '\r\n', '  ')}`)
  return Buffer.concat([gzipSync(bytes.subarray(0, 333)), gzipSync(bytes.subarray(333))])
}

const frames: Body = (format, records) => {
  const bytes = Buffer.from(matrixText(format, records))
  return Buffer.concat([zstdCompressSync(bytes.subarray(0, 333)), zstdCompressSync(bytes.subarray(333))])
}

/** Every container. */
export const matrixContainers: readonly MatrixContainer[] = [
  { name: 'plain', suffix: '.log', bare: false, body: (format, records) => Buffer.from(matrixText(format, records)) },
  { name: 'gzip', suffix: '.log.gz', bare: false, body: (format, records) => gzipSync(matrixText(format, records)) },
  { name: 'gzip in members, byte-order mark, CRLF, runs of spaces', suffix: '.log.gz', bare: false, body: members },
  { name: 'zstd in frames', suffix: '.log.zst', bare: false, body: frames },
  ...parquetTypings.map((typing, i): MatrixContainer => ({
    name: `Parquet, values as ${typing}`,
    suffix: i === 0 ? '.log.parquet' : '.gz.parquet',
    bare: false,
    body: (format, records) => parquetObject(format.columns, wordsOf(format, records), { typing, rowGroupSize: 5 }),
  })),
  { name: 'envelopes', suffix: '.log', bare: true, body: (format, records) => Buffer.concat(envelopes(format, records)) },
  {
    name: 'envelopes compressed one by one and as a whole',
    suffix: '.log.gz',
    bare: true,
    body: (format, records) => gzipSync(Buffer.concat(envelopes(format, records).map(document => gzipSync(document)))),
  },
  {
    name: 'records of Firehose in ZIP',
    suffix: '.log',
    bare: true,
    body: (format, records) => zipOf([delivered(format, records)], { descriptor: true }),
  },
  {
    name: 'records of Firehose in Snappy of Hadoop',
    suffix: '.log',
    bare: true,
    body: (format, records) => snappyHadoop(delivered(format, records)),
  },
  {
    name: 'records of Firehose in raw Snappy',
    suffix: '.log',
    bare: true,
    body: (format, records) => snappyBlock(delivered(format, records)),
  },
  { name: 'ZIP', suffix: '.log', bare: false, repeats: true, body: (format, records) => zipOf([matrixText(format, records)]) },
  {
    name: 'framed Snappy',
    suffix: '.log',
    bare: false,
    repeats: true,
    body: (format, records) => snappyFramed(matrixText(format, records)),
  },
  {
    name: 'Snappy of snappy-java',
    suffix: '.log',
    bare: false,
    repeats: true,
    body: (format, records) => snappyJava(matrixText(format, records)),
  },
  { name: 'export of the console', suffix: '.log.gz', bare: true, body: (format, records) => gzipSync(exported(format, records)) },
  { name: 'JSON with one field per key', suffix: '.log.gz', bare: false, body: (format, records) => gzipSync(structured(format, records)) },
  { name: 'records of Firehose', suffix: '.log.gz', bare: true, body: (format, records) => gzipSync(delivered(format, records)) },
]
