/** The largest record of each topic that the default of `kafka.maxRecordBytes` allows, made by the product's own parts from input at its limits. */
import { randomBytes } from 'node:crypto'
import { checkConfig, type Config } from '../../../config/config.ts'
import { maxHeaderBytes } from '../../../processors/enrich/block-enricher.ts'
import { maxColumns, maxLineBytes as maxEnrichedBytes } from '../../../processors/enrich/parse/parse-buffers.ts'
import { Ledger } from '../../../producers/s3/fetch/ledger.ts'
import { recordOverheadBytes } from '../../../config/record-size.ts'
import type { OutRecord } from '../../../runtime/records.ts'
import type { DeadLetter } from '../../../schemas/records.ts'
import { rawLineHeaders, type TopicId } from '../../../schemas/topics.ts'
import { codecs, TestEnricher } from '../../../harness/enrich-blocks.ts'
import { emptyLedger } from './ledger.ts'

/** One of them. */
export interface LargestRecord {
  readonly topic: TopicId
  readonly what: string
  readonly record: OutRecord
}

/** Settings with the longest block beside default lines, or the longest lines, that the default of `kafka.maxRecordBytes` lets through. */
export function settingsAtLimit(most: 'block' | 'line'): Config {
  const { kafka, s3 } = checkConfig({})
  const room = kafka.maxRecordBytes - recordOverheadBytes
  if (most === 'block') return checkConfig({ s3: { blockBytes: room - s3.maxLineBytes } })
  return checkConfig({ s3: { blockBytes: 1024, maxLineBytes: Math.floor(room / 2) } })
}

/** Text that does not compress. */
const noise = (length: number): string =>
  randomBytes(Math.ceil(length / 2))
    .toString('hex')
    .slice(0, length)

const longestKey = { bucket: 'b'.repeat(63), key: noise(1024) }
const documented = 'version srcaddr dstaddr srcport dstport protocol start end action log-status'
const values = '2 10.0.0.1 10.0.0.2 1 2 6 1700000000 1700000060 ACCEPT OK'

/** A header line with as many columns as are read, all but some undocumented and of one name. */
const manyColumns = (length: number): string => {
  const count = maxColumns - documented.split(' ').length
  const name = `a${noise(Math.floor((length - documented.length) / count) - 2)}`
  return `${documented}${` ${name}`.repeat(count)}`
}
/** A line for it of so many bytes at most. */
const lineOf = (header: string, length: number): string => {
  const count = header.split(' ').length - documented.split(' ').length
  const width = Math.max(1, Math.floor((length - values.length) / count) - 1)
  return `${values}${` ${noise(width)}`.repeat(count)}`
}

/** Makes the largest record of each topic, with the settings at their limits. */
export function largestRecords(): LargestRecord[] {
  const block = settingsAtLimit('block').s3
  const line = settingsAtLimit('line').s3
  const headers = (header: string): Record<string, string> => ({
    [rawLineHeaders.header]: header,
    [rawLineHeaders.etag]: noise(64),
    [rawLineHeaders.objectId]: noise(16),
    [rawLineHeaders.firstLine]: '2147483647',
    [rawLineHeaders.lines]: '2147483647',
    [rawLineHeaders.lastModified]: '1700000000000',
    [rawLineHeaders.accountId]: '123456789012',
    [rawLineHeaders.region]: 'r'.repeat(64),
    [rawLineHeaders.scope]: 's'.repeat(256),
  })
  const rawLines = (what: string, { blockBytes, maxLineBytes }: Config['s3']): LargestRecord => ({
    topic: 'rawLines',
    what,
    record: {
      key: codecs.rawLines.encodeKey(longestKey),
      value: Buffer.from(noise(Math.max(blockBytes, maxLineBytes + 2))),
      headers: headers(noise(maxLineBytes)),
    },
  })
  return [
    rawLines('a block', block),
    rawLines('a line', line),
    ...lineRecords(line.maxLineBytes),
    ledgerRecord(line.maxLineBytes),
    sighting(),
  ]
}

/**
 * What enrich makes of the longest lines: a flow with all its columns in `extra`, a gap, and a dead letter with its header line. Enrich reads
 * shorter lines and header lines than fetch, which has dead letters of its own.
 */
function lineRecords(length: number): LargestRecord[] {
  const header = manyColumns(Math.min(length, maxHeaderBytes))
  const enricher = new TestEnricher({ partitions: 1 })
  const text = lineOf(header, Math.min(length, maxEnrichedBytes))
  const flow = enricher.run(header, text)
  const gap = enricher.run(header, text.replace('ACCEPT OK', '- SKIPDATA'))
  const dead = enricher.run(header, text.replace('10.0.0.1', 'nowhere'))
  const one = <T>(list: readonly T[], what: string): T => {
    if (list.length !== 1) throw new Error(`${list.length} ${what}`)
    return list[0]!
  }
  const { keyBytes, value } = one(flow.encoded, 'flows')
  const { accountId, region, interfaceId } = one(gap.gaps, 'gaps')
  const letter = one(dead.deadLetters, 'dead letters')
  const deadLetter = (what: string, values: Partial<DeadLetter>): LargestRecord => ({
    topic: 'deadLetters',
    what,
    record: { key: codecs.deadLetters.encodeKey(longestKey), value: codecs.deadLetters.encodeValue({ ...letter, ...values }) },
  })
  return [
    { topic: 'flows', what: 'a flow', record: { key: keyBytes, value: codecs.flows.encodeValue(value) } },
    {
      topic: 'flowGaps',
      what: 'a gap',
      record: { key: codecs.flowGaps.encodeKey({ accountId, region, interfaceId }), value: codecs.flowGaps.encodeValue(gap.gaps[0]!) },
    },
    deadLetter('a dead letter', {}),
    deadLetter('a dead letter of fetch', { stage: 'fetch', header: noise(length) }),
  ]
}

/** An object that was overwritten 200 times in its middle, each time with another long header line, and then failed. */
function ledgerRecord(length: number): LargestRecord {
  const ledger = new Ledger()
  let record = emptyLedger
  for (let i = 0; i < 200; i++) {
    const fresh = { ...emptyLedger, objectId: randomBytes(8), etag: noise(64), state: 'retrying' as const, nextLine: 5 }
    record = { ...ledger.begin(longestKey, fresh), header: noise(i % 2 === 0 ? length : 3000), nextLine: 5 }
    ledger.set(longestKey, record)
  }
  const failed = { ...record, state: 'failed' as const, errorCode: 'S3_UNAVAILABLE', errorDetail: noise(2000) }
  return {
    topic: 'objects',
    what: 'the ledger of an object',
    record: { key: codecs.objects.encodeKey(longestKey), value: codecs.objects.encodeValue(failed) },
  }
}

/** A sighting of as many ranges as enrich puts into one. */
function sighting(): LargestRecord {
  const ranges = Array.from({ length: 10_000 }, (_, i) => ({ first: 4_000_000_000 + 2 * i, last: 4_000_000_000 + 2 * i }))
  const owner = {
    accountId: noise(200),
    region: noise(200),
    vpcId: noise(200),
    subnetId: noise(200),
    instanceId: noise(200),
    interfaceId: noise(200),
    service: noise(200),
    interfaceType: noise(200),
    azId: noise(200),
  }
  return {
    topic: 'ipSightings',
    what: 'a sighting',
    record: {
      key: codecs.ipSightings.encodeKey({ scope: noise(200), ip: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' }),
      value: codecs.ipSightings.encodeValue({ kind: 'own', owner, ranges }),
    },
  }
}

/** Bytes of a record as the broker counts them, uncompressed. */
export function bytesOf({ key, value, headers = {} }: OutRecord): number {
  const named = Object.entries(headers).reduce((sum, [name, text]) => sum + name.length + Buffer.byteLength(text) + 10, 0)
  return (key?.length ?? 0) + (value?.length ?? 0) + named + 100
}
