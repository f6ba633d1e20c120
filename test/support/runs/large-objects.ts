/** Memory of a fetch process while it reads objects that are far larger than what it may hold. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import { openSession } from '../../../operations/session.ts'
import type { ObjectLedger } from '../../../schemas/records.ts'
import { Fleet } from '../../../harness/fleet.ts'
import { deadLetters, ledgerRecords, publishedLines } from '../records/ledger-records.ts'
import { freshSettings } from '../../../harness/live-stack.ts'
import { peakMiB } from './process-memory.ts'
import { createBucket, putObject, s3Client } from '../../../harness/s3.ts'

/** How large. */
export interface LargeObjectOptions {
  /** Bytes of text of each object, after decompression. */
  readonly textBytes: number
  /** Most resident memory that the process may ever have had, in MiB. */
  readonly limitMiB: number
  readonly timeoutMs: number
}

const header = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
const pieceLines = 4096

/** Compresses pieces of text without holding them. */
async function gzipOf(pieces: Iterable<Buffer>): Promise<Buffer> {
  const gzip = createGzip({ level: 1 })
  const parts: Buffer[] = []
  gzip.on('data', (part: Buffer) => parts.push(part))
  const ended = new Promise<void>((resolve, reject) => gzip.once('end', resolve).once('error', reject))
  for (const piece of pieces) if (!gzip.write(piece)) await new Promise<void>(resolve => gzip.once('drain', () => resolve()))
  gzip.end()
  await ended
  return Buffer.concat(parts)
}

/** Lines of about 250 bytes, as format version 5 has; each with ports of its own. */
function* manyLines(textBytes: number, startS: number, count: { lines: number }): Generator<Buffer> {
  const more =
    'vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id pkt-src-aws-service pkt-dst-aws-service flow-direction'
  yield Buffer.from(`${header} ${more}\n`)
  const rest =
    'vpc-0844e5fb7dab616dd subnet-0d7d9632ca72baf2a i-0826dea5238644ce7 19 IPv4 10.0.0.5 198.51.100.7 us-east-1 use1-az2 - - egress'
  for (let bytes = 0, piece = 0; bytes < textBytes; piece++) {
    let text = ''
    for (let i = 0; i < pieceLines; i++)
      text += `5 123456789010 eni-0aa11bb22cc33dd44 10.0.0.5 198.51.100.7 ${1024 + ((piece * 31 + i * 7) % 60_000)} 443 6 ${1 + (i % 90)} ${Math.imul(piece * pieceLines + i, 0x9e3779b1) >>> 0} ${startS} ${startS + 60} ACCEPT OK ${rest}\n`
    count.lines += pieceLines
    bytes += text.length
    yield Buffer.from(text)
  }
}

/** A header and one line that does not end. */
function* oneLine(textBytes: number, hash: { update(bytes: Buffer): unknown }): Generator<Buffer> {
  yield Buffer.from(`${header}\n`)
  const piece = Buffer.alloc(1_048_576, '2 123456789010 eni-0aa11bb22cc33dd44 ')
  for (let bytes = 0; bytes < textBytes; bytes += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, textBytes - bytes))
    hash.update(part)
    yield part
  }
}

/** Reads the two objects in a process of its own and checks memory, ledger, lines and dead letters. Linux only: it asks /proc. */
export async function readLargeObjects(t: TestContext, { textBytes, limitMiB, timeoutMs }: LargeObjectOptions): Promise<void> {
  const settings = await freshSettings({
    kafka: { partitions: 2, fewPartitions: 1 },
    s3: { pollIntervalMs: 2000 },
    log: { level: 'warn' },
  })
  const session = await openSession({ overrides: settings }, new AbortController().signal)
  const fleet = new Fleet(settings)
  try {
    const client = s3Client(session.config.s3.endpoint!)
    const { bucket } = session.config.s3.sources[0]!
    await createBucket(client, bucket)
    const startS = Math.floor(Date.now() / 300_000) * 300 - 600
    const day = new Date(startS * 1000).toISOString().slice(0, 10).replaceAll('-', '/')
    const key = (name: string): string => `AWSLogs/123456789010/vpcflowlogs/us-east-1/${day}/${name}.log.gz`
    const count = { lines: 0 }
    const hash = createHash('sha256')
    const many = await gzipOf(manyLines(textBytes, startS, count))
    await putObject(client, bucket, key('many-lines'), many)
    await putObject(client, bucket, key('one-line'), await gzipOf(oneLine(textBytes, hash)))
    t.diagnostic(`${count.lines} lines, ${(many.length / 1_048_576).toFixed(1)} MiB compressed`)

    const startMs = performance.now()
    fleet.add('discover,fetch', 'a')
    let ledger = new Map<string, ObjectLedger[]>()
    while ([...ledger.values()].filter(records => records.at(-1)!.state === 'done').length < 2) {
      if (performance.now() - startMs > timeoutMs) throw new Error(`not read in ${timeoutMs} ms: ${[...ledger.keys()].join(', ')}`)
      await sleep(1000)
      ledger = await ledgerRecords(session)
    }
    const seconds = (performance.now() - startMs) / 1000
    const [pid] = fleet.pids
    const peak = peakMiB(pid!)
    t.diagnostic(`peak resident memory ${peak.toFixed(0)} MiB after ${seconds.toFixed(0)} s`)
    assert.ok(peak < limitMiB, `the process took ${peak.toFixed(0)} MiB`)
    assert.equal(fleet.said('task failed; starting again from what is committed'), 0, fleet.tail.join('\n'))

    const [lines, single] = [ledger.get(key('many-lines'))!, ledger.get(key('one-line'))!]
    assert.deepEqual([lines.at(-1)!.lines, lines.at(-1)!.deadLines, lines.at(-1)!.attempts], [count.lines + 1, 0, 0])
    const chunks = lines.filter(record => record.state === 'reading')
    assert.ok(chunks.length >= Math.floor(textBytes / session.config.s3.chunkBytes) - 1, `only ${chunks.length} chunks`)
    chunks.forEach((chunk, i) => assert.ok(chunk.nextLine > (chunks[i - 1]?.nextLine ?? 0), 'every chunk goes on where the last one ended'))
    assert.equal((await publishedLines(session)).get(key('many-lines')), count.lines)
    assert.deepEqual([single.at(-1)!.lines, single.at(-1)!.deadLines], [2, 1])
    const [letter, ...others] = (await deadLetters(session)).get(key('one-line')) ?? []
    assert.deepEqual(others, [])
    assert.deepEqual(
      [letter?.line, letter?.stage, letter?.reason, letter?.length, letter?.bytes.length, letter?.sha256?.toString('hex')],
      [2, 'fetch', 'line-too-long', textBytes, 4096, hash.digest('hex')],
    )
  } catch (error) {
    t.diagnostic(fleet.tail.slice(-40).join('\n'))
    throw error
  } finally {
    await fleet.stop()
    await session.cluster.close()
  }
}
