/**
 * kafkajs 2.2.4 with the LZ4 codec and with three of its faults fixed; take this file along wherever you read flowloom's topics with kafkajs.
 * kafkajs lets its modules be replaced before it is loaded, so import it from here and nowhere else.
 */
/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-explicit-any -- kafkajs internals have no types */
import { createRequire } from 'node:module'
import type * as KafkaJs from 'kafkajs'
import { compressFrame, decompressFrame } from 'lz4-napi'

const require = createRequire(import.meta.url)

/** Puts another function in the place of a module of kafkajs. */
function replace(path: string, make: (stock: any) => unknown): void {
  const id = require.resolve(`kafkajs/src/${path}`)
  const stock = require(id)
  require.cache[id]!.exports = make(stock)
}

const Long = require('kafkajs/src/utils/long')

// A batch whose last records are gone, or all of them, as compaction leaves it: stock kafkajs asks for such a batch again and again and never
// sees what stands behind it. A control record at the last offset, which is shown to nobody, takes it on.
replace('protocol/recordBatch/v0/decoder.js', stock => async (decoder: unknown) => {
  const batch = await stock(decoder)
  const last = Long.fromValue(batch.firstOffset).add(batch.lastOffsetDelta).toString()
  if (batch.records.at(-1)?.offset === last) return batch
  const batchContext = { ...batch, records: undefined, inTransaction: false, producerId: '-1' }
  const rest = { magicByte: 2, attributes: 0, timestamp: batch.maxTimestamp, headers: {}, isControlRecord: true, batchContext }
  batch.records.push({ ...rest, offset: last, key: Buffer.from([0, 0, 0, 1]), value: null })
  return batch
})

// Aborted transactions that overlap: stock kafkajs forgets one of them where the other begins, and shows its records. Here each producer has its
// own: its transaction is aborted from the first offset that the broker names up to the abort marker (a control record with the key 00 00 00 00).
replace('consumer/filterAbortedMessages.js', () => ({ messages, abortedTransactions }: any) => {
  const starts = (abortedTransactions ?? [])
    .map((aborted: any) => ({ producer: String(aborted.producerId), offset: BigInt(aborted.firstOffset) }))
    .sort((a: any, b: any) => (a.offset < b.offset ? -1 : 1))
  const aborted = new Set<string>()
  return messages.filter(({ offset, key, isControlRecord, batchContext }: any) => {
    while (starts.length > 0 && starts[0].offset <= BigInt(offset)) aborted.add(starts.shift().producer)
    const producer = String(batchContext.producerId)
    if (isControlRecord && key?.readInt32BE(0) === 0) aborted.delete(producer)
    return !(batchContext.inTransaction === true && isControlRecord !== true && aborted.has(producer))
  })
})

// No timer while nothing waits: stock kafkajs sets one in the past for each connection, again and again, of which newer versions of Node warn.
const { prototype } = require('kafkajs/src/network/requestQueue')
const schedule = prototype.scheduleCheckPendingRequests
prototype.scheduleCheckPendingRequests = function (this: any) {
  if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this)
}

/** kafkajs with its codec and its fixes: use it in the place of the package. */
export const kafkajs = require('kafkajs') as typeof KafkaJs

// flowloom compresses with LZ4 by default, which kafkajs leaves to its users.
kafkajs.CompressionCodecs[kafkajs.CompressionTypes.LZ4] = () => ({
  compress: (encoder: { buffer: Buffer }) => compressFrame(encoder.buffer),
  decompress: (buffer: Buffer) => decompressFrame(buffer),
})
