/** Objects that are wrong in every way there is, with what must become of each. */
import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { Random, seedOf } from '../../../producers/synthetic/random.ts'
import { longRun, page, parquetBytes } from './parquet-bytes.ts'

/** What must become of an object. */
export interface BadObject {
  /** Last part of its key. */
  readonly name: string
  readonly body: Buffer
  readonly state: 'done' | 'failed'
  readonly errorCode?: string
  /** Attempts that fail; undefined: as many as are configured. */
  readonly attempts?: number
  /** Rows in the table of flows. */
  readonly flows: number
  readonly lines: number
  /** Dead letters by line. */
  readonly dead?: Readonly<Record<number, { stage: 'fetch' | 'enrich'; reason: string; length: number; head: Buffer; sha256: string }>>
}

const header = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'

/** Lines of a default flow log that can be read. */
export function goodLines(count: number, startS: number, network: number): string[] {
  return Array.from(
    { length: count },
    (_unused, i) =>
      `2 123456789010 eni-0${network}aa22bb33cc44dd5 10.${network}.0.${1 + (i % 250)} 198.51.100.${1 + (i % 200)} ${1024 + i} 443 6 ${1 + (i % 9)} ${100 + i} ${startS + (i % 60)} ${startS + 60} ACCEPT OK`,
  )
}

/** Seeded bytes that are no text, without a line end. */
function noise(bytes: number, seed: number): Buffer {
  const draw = new Random(seedOf(seed, 'noise'))
  const made = Buffer.from(Array.from({ length: bytes }, () => draw.below(256)))
  for (let i = 0; i < made.length; i++) if (made[i] === 10 || made[i] === 13 || made[i] === 32) made[i] = 0xff
  made[0] = 0xfe
  return made
}

const text = (lines: readonly string[], end = '\n'): Buffer => Buffer.from([header, ...lines].join(end) + end)

/** A good object of so many lines. */
export const goodObject = (count: number, startS: number, network: number): Buffer => gzipSync(text(goodLines(count, startS, network)))

/**
 * Makes the objects.
 *
 * @param startS Unix seconds of their records.
 * @param longBytes Length of the line that is too long.
 */
export function badObjects(startS: number, longBytes: number): BadObject[] {
  const lines = goodLines(40, startS, 1)
  const long = Buffer.alloc(longBytes, 'x')
  const wild = noise(300, 5)
  const withLine = (line: Buffer): Buffer =>
    Buffer.concat([text(lines.slice(0, 20)), line, Buffer.from('\n'), Buffer.from(`${lines.slice(20).join('\n')}\n`)])
  return [
    {
      name: 'cut-gzip.log.gz',
      body: ((whole: Buffer) => whole.subarray(0, whole.length >> 1))(gzipSync(text(goodLines(400, startS, 2)))),
      state: 'failed',
      errorCode: 'OBJECT_BROKEN',
      flows: 0,
      lines: 0,
    },
    // AWS writes a header line into each object: without one nothing says that it is whole
    { name: 'empty.log.gz', body: Buffer.alloc(0), state: 'failed', errorCode: 'OBJECT_EMPTY', flows: 0, lines: 0 },
    { name: 'empty-gzip.log.gz', body: gzipSync(''), state: 'failed', errorCode: 'OBJECT_EMPTY', flows: 0, lines: 0 },
    { name: 'header-only.log.gz', body: gzipSync(text([])), state: 'done', flows: 0, lines: 1 },
    {
      name: 'read-me.log',
      body: Buffer.from('This is the bucket of the flow logs.\nDo not delete it.\n'),
      state: 'failed',
      errorCode: 'OBJECT_NO_HEADER',
      attempts: 1,
      flows: 0,
      lines: 0,
    },
    {
      name: 'lower-case-words.log',
      body: Buffer.from('all words here look like names\nbut none is one\n'),
      state: 'failed',
      errorCode: 'OBJECT_NO_HEADER',
      attempts: 1,
      flows: 0,
      lines: 0,
    },
    { name: 'binary.log.gz', body: noise(200_000, 6), state: 'failed', errorCode: 'OBJECT_NOT_TEXT', attempts: 1, flows: 0, lines: 0 },
    {
      name: 'columns.log.parquet',
      body: noise(1000, 7),
      state: 'failed',
      errorCode: 'OBJECT_BROKEN',
      flows: 0,
      lines: 0,
    },
    { name: 'endless-run.log.parquet', body: longRun(2 ** 31 - 1), state: 'failed', errorCode: 'OBJECT_BROKEN', flows: 0, lines: 0 },
    {
      name: 'two-billion-values.log.parquet',
      body: parquetBytes([{ name: 'srcaddr', pages: [page(Buffer.alloc(40), { values: 2 ** 31 - 1 })] }], 2 ** 31 - 1),
      state: 'failed',
      errorCode: 'OBJECT_BROKEN',
      flows: 0,
      lines: 0,
    },
    {
      name: 'zstd-frames.log.zst',
      body: Buffer.concat([zstdCompressSync(text(lines.slice(0, 20))), zstdCompressSync(`${lines.slice(20).join('\n')}\n`)]),
      state: 'done',
      flows: 40,
      lines: 41,
    },
    {
      name: 'noise-in-the-middle.log.gz',
      body: gzipSync(withLine(wild)),
      state: 'done',
      flows: 40,
      lines: 42,
      dead: { 22: { stage: 'enrich', reason: 'too-few-fields', length: wild.length, head: wild, sha256: '' } },
    },
    {
      name: 'long-line.log.gz',
      body: gzipSync(withLine(long)),
      state: 'done',
      flows: 40,
      lines: 42,
      dead: {
        22: {
          stage: 'fetch',
          reason: 'line-too-long',
          length: longBytes,
          head: long.subarray(0, 4096),
          sha256: createHash('sha256').update(long).digest('hex'),
        },
      },
    },
    { name: 'crlf.log.gz', body: gzipSync(text(lines, '\r\n')), state: 'done', flows: 40, lines: 41 },
    { name: 'no-final-newline.log.gz', body: gzipSync(text(lines).subarray(0, -1)), state: 'done', flows: 40, lines: 41 },
  ]
}
