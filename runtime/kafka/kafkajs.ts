/**
 * kafkajs 2.2.4 with its known faults fixed; the only place that loads it. Each fix has a letter, a test on the real broker
 * (test/integration/kafka*.test.ts) and its story in docs/decisions. kafkajs has no `exports` map, so its modules can be replaced in the
 * require cache before the entry point is loaded.
 */
/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-argument, @typescript-eslint/no-explicit-any -- kafkajs internals have no types */
import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import type * as KafkaJs from 'kafkajs'
import { crc32c } from '@node-rs/crc32'
import { flowErrorOf, FlowError } from '../errors.ts'
import { deniedError, judgedRequests } from './denials.ts'
import { whenLeading } from './new-leaders.ts'
import { rememberCoordinators } from './known-coordinators.ts'
import { encodeSlabs } from './produced-slabs.ts'
import { batchHeaderLength, codecNumbers, compressRecords, decompressRecords, type CodecName } from './record-format.ts'

const require = createRequire(import.meta.url)

/** Loads a module of kafkajs, then puts `exports` in its place. */
function swap(path: string, exports: unknown): void {
  const id = require.resolve(`kafkajs/src/${path}`)
  require(id)
  require.cache[id]!.exports = exports
}

/** Group id to static member id (group.instance.id) of this process. */
export const staticMembers = new Map<string, string>()

/** Within `run(p, ...)` an OffsetFetch asks for partition p alone, so that transactions of other partitions are not waited for. */
export const onlyPartition = new AsyncLocalStorage<number>()

/** A fetched batch that kafkajs hands over undecoded as the single message of its last offset. */
export interface RawBatch {
  readonly codec: number
  readonly count: number
  readonly baseOffset: number
  readonly timestampMs: number
  /** The broker's clock stamped the whole batch; timestamps of its records do not count. */
  readonly appendTime: boolean
  readonly bytes: Buffer
}

/** A. No timer while nothing is pending (idle spin of 1 ms per connection). */
function mendIdleSpin(): void {
  const RequestQueue = require('kafkajs/src/network/requestQueue')
  const original = RequestQueue.prototype.scheduleCheckPendingRequests
  RequestQueue.prototype.scheduleCheckPendingRequests = function (this: any) {
    if (this.pending.length === 0 && this.throttledUntil <= Date.now()) return
    return original.call(this)
  }
}

/** B. Linear grouping of messages (was quadratic); passes slabs through whole. */
function mendGrouping(): void {
  swap('producer/groupMessagesPerPartition.js', ({ topic, partitionMetadata, messages, partitioner }: any) => {
    const result: Record<number, unknown> = {}
    if (partitionMetadata.length === 0) return result
    if (messages[0]?.slab !== undefined) {
      for (const { partition, slab } of messages) result[partition] = slab
      return result
    }
    for (const message of messages) {
      const partition = partitioner({ topic, partitionMetadata, message })
      ;((result[partition] ??= []) as unknown[]).push(message)
    }
    return result
  })
}

/** C. Moves on over empty and compacted tails, by a synthetic control record. With `raw`, data batches are handed over undecoded. */
function mendBatchDecoder(raw: boolean): void {
  const id = require.resolve('kafkajs/src/protocol/recordBatch/v0/decoder')
  const stock = require(id)
  const Long = require('kafkajs/src/utils/long')
  const withTail = async (decoder: any): Promise<any> => {
    const batch = await stock(decoder)
    const last = Long.fromValue(batch.firstOffset).add(batch.lastOffsetDelta).toString()
    const count = batch.records.length
    if (count === 0 || batch.records[count - 1].offset !== last)
      batch.records.push({
        magicByte: 2,
        attributes: 0,
        timestamp: batch.maxTimestamp,
        offset: last,
        key: Buffer.alloc(4),
        value: null,
        headers: {},
        isControlRecord: true,
        batchContext: { ...batch, records: undefined, inTransaction: false, producerId: '-1', isControlBatch: false },
      })
    return batch
  }
  const undecoded = async (decoder: any): Promise<any> => {
    const buffer: Buffer = decoder.buffer
    const start: number = decoder.offset
    // the last batch of an answer can be cut off anywhere; the stock decoder knows how to leave it
    if (start + batchHeaderLength > buffer.length) return withTail(decoder)
    const length = buffer.readInt32BE(start + 8)
    const attributes = buffer.readInt16BE(start + 21)
    const count = buffer.readInt32BE(start + 57)
    if (start + 12 + length > buffer.length || (attributes & 32) !== 0 || count === 0) return withTail(decoder)
    decoder.forward(12 + length)
    const baseOffset = Number(buffer.readBigInt64BE(start))
    const appendTime = (attributes & 8) !== 0
    const value: RawBatch = {
      codec: attributes & 7,
      count,
      baseOffset,
      timestampMs: Number(buffer.readBigInt64BE(start + (appendTime ? 35 : 27))),
      appendTime,
      bytes: buffer.subarray(start + batchHeaderLength, start + 12 + length),
    }
    const batchContext = {
      inTransaction: (attributes & 16) !== 0,
      producerId: buffer.readBigInt64BE(start + 43).toString(),
      isControlBatch: false,
    }
    const offset = String(baseOffset + buffer.readInt32BE(start + 23))
    return {
      ...batchContext,
      records: [
        { magicByte: 2, attributes: 0, timestamp: '0', offset, key: null, value, headers: {}, isControlRecord: false, batchContext },
      ],
    }
  }
  require.cache[id]!.exports = raw ? undecoded : withTail
}

/** D. CRC-32C in native code. */
function mendChecksum(): void {
  swap('protocol/recordBatch/crc32C/index.js', (buffer: Buffer) => crc32c(buffer))
}

/** E. Hides aborted records also where aborted transactions overlap, and whatever the key bytes are. */
function mendAbortedFilter(): void {
  const isAbort = (key: Buffer | null): boolean => key?.length === 4 && key.readInt32BE(0) === 0
  swap('consumer/filterAbortedMessages.js', ({ messages, abortedTransactions }: any) => {
    if (!abortedTransactions?.length) return messages
    const queue = abortedTransactions
      .map((aborted: any) => ({ producer: String(aborted.producerId), offset: BigInt(aborted.firstOffset) }))
      .sort((a: any, b: any) => (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0))
    const open = new Set<string>()
    let next = 0
    return messages.filter((message: any) => {
      const offset = BigInt(message.offset)
      const producer = String(message.batchContext.producerId)
      while (next < queue.length && queue[next].offset <= offset) open.add(queue[next++].producer)
      if (message.isControlRecord) {
        if (isAbort(message.key)) open.delete(producer)
        return true
      }
      return !(message.batchContext.inTransaction && open.has(producer))
    })
  })
}

/**
 * H. Takes over a transactional id in about 13 ms instead of 290 while a transaction is being ended.
 * N. Remembers the coordinators of transactions and groups; kafkajs asks for them before each request to them.
 */
function mendTransactions(): void {
  const id = require.resolve('kafkajs/src/producer/eosManager')
  const create = require(id)
  require.cache[id]!.exports = (options: any) => {
    options.cluster.retry ??= { initialRetryTime: 10, retries: 200, multiplier: 1.3, factor: 0.2, maxRetryTime: 250 }
    rememberCoordinators(options.cluster)
    return create(options)
  }
}

/** I. OffsetFetch v7 with require_stable: an offset that is still in a transaction is waited for, not skipped. */
function mendOffsetFetch(): void {
  const Encoder = require('kafkajs/src/protocol/encoder')
  const Decoder = require('kafkajs/src/protocol/decoder')
  const stock = require('kafkajs/src/protocol/requests/offsetFetch')
  const { parse } = require('kafkajs/src/protocol/requests/offsetFetch/v2/response')
  const encoder = (): any => new Encoder()
  const asked = (partitions: any[]): any[] => {
    const only = onlyPartition.getStore()
    return only === undefined ? partitions : partitions.filter(({ partition }) => partition === only)
  }
  const request = ({ groupId, topics }: any): unknown => ({
    apiKey: 9,
    apiVersion: 7,
    apiName: 'OffsetFetch',
    encode: async () =>
      encoder()
        .writeUVarIntBytes()
        .writeUVarIntString(groupId)
        .writeUVarIntArray(
          topics.map((entry: any) =>
            encoder()
              .writeUVarIntString(entry.topic)
              .writeUVarIntArray(asked(entry.partitions).map((p: any) => encoder().writeInt32(p.partition)))
              .writeUVarIntBytes(),
          ),
        )
        .writeBoolean(true)
        .writeUVarIntBytes(),
  })
  const decode = async (raw: Buffer): Promise<unknown> => {
    const decoder = new Decoder(raw)
    decoder.readTaggedFields()
    const clientSideThrottleTime = decoder.readInt32()
    const responses = decoder.readUVarIntArray((d: any) => {
      const topic = d.readUVarIntString()
      const partitions = d.readUVarIntArray((e: any) => {
        const partition: any = { partition: e.readInt32(), offset: e.readInt64().toString() }
        e.readInt32()
        partition.metadata = e.readUVarIntString()
        partition.errorCode = e.readInt16()
        e.readTaggedFields()
        return partition
      })
      d.readTaggedFields()
      return { topic, partitions }
    })
    const errorCode = decoder.readInt16()
    decoder.readTaggedFields()
    return { responses, errorCode, clientSideThrottleTime }
  }
  swap('protocol/requests/offsetFetch/index.js', {
    versions: [...stock.versions, '7'],
    protocol: ({ version }: any) =>
      version === 7 ? (options: any) => ({ request: request(options), response: { decode, parse } }) : stock.protocol({ version }),
  })
}

/** J. Static membership; a planned stop leaves the group, so that the others take over at once. */
function addStaticMembership(): void {
  for (const path of ['joinGroup/v5', 'syncGroup/v3', 'heartbeat/v3']) {
    const original = require(`kafkajs/src/protocol/requests/${path}/request`)
    swap(`protocol/requests/${path}/request.js`, (options: any) =>
      original({ ...options, groupInstanceId: staticMembers.get(options.groupId) ?? null }),
    )
  }
  const leave = require('kafkajs/src/protocol/requests/leaveGroup/v3/request')
  swap('protocol/requests/leaveGroup/v3/request.js', ({ groupId, members }: any) =>
    leave({ groupId, members: members.map((member: any) => ({ ...member, groupInstanceId: staticMembers.get(groupId) ?? null })) }),
  )
}

/** Guard: an offset out of range is never reset in silence; the task finds out and stops loudly. */
function guardOffsets(): void {
  const OffsetManager = require('kafkajs/src/consumer/offsetManager')
  OffsetManager.prototype.setDefaultOffset = async ({ topic, partition }: any) => {
    throw new FlowError('OFFSET_OUT_OF_RANGE', { task: `${topic}/${partition}` })
  }
}

/** K. Drops the answer to a fetch whose position has moved meanwhile (a seek by another fetcher, a rejoin): it would be taken for the next records. */
function dropStaleAnswers(): void {
  const ConsumerGroup = require('kafkajs/src/consumer/consumerGroup')
  const original = ConsumerGroup.prototype.fetch
  ConsumerGroup.prototype.fetch = async function (this: any, nodeId: string) {
    const batches: any[] = await original.call(this, nodeId)
    const { offsetManager } = this
    const current = ({ topic, partition, fetchedOffset }: any): boolean =>
      offsetManager.memberAssignment[topic]?.includes(partition) === true &&
      offsetManager.nextOffset(topic, partition).toString() === fetchedOffset
    return batches.filter(current)
  }
}

/** L. A request that the broker denies says what was asked for, and of what; kafkajs tells neither. */
function nameDenials(): void {
  const Broker = require('kafkajs/src/broker')
  for (const request of judgedRequests) {
    const original = Broker.prototype[request]
    Broker.prototype[request] = async function (this: any, ...args: any[]) {
      try {
        const answer = await original.apply(this, args)
        const refused =
          request === 'deleteGroups' ? answer.results.find((group: any) => deniedError(request, args[0], group.error)) : undefined
        if (refused !== undefined) throw refused.error
        return answer
      } catch (error) {
        throw deniedError(request, args[0], error) ?? error
      }
    }
  }
  // asks one broker after the other, and swallows what each says
  const BrokerPool = require('kafkajs/src/cluster/brokerPool')
  const withBroker = BrokerPool.prototype.withBroker
  BrokerPool.prototype.withBroker = async function (this: any, callback: (input: unknown) => Promise<unknown>) {
    let denied: FlowError | undefined
    const noting = async (input: unknown): Promise<unknown> => {
      try {
        return await callback(input)
      } catch (error) {
        denied ??= flowErrorOf(error)
        throw error
      }
    }
    const answer = await withBroker.call(this, noting)
    if (answer === null && denied !== undefined) throw denied
    return answer
  }
}

/** M. Offsets of partitions that were just made, or whose leader has moved, are asked for again; kafkajs gives up at the first answer. */
function awaitLeaders(): void {
  const Cluster = require('kafkajs/src/cluster')
  const original = Cluster.prototype.fetchTopicsOffset
  Cluster.prototype.fetchTopicsOffset = function (this: any, topics: unknown) {
    return whenLeading(() => original.call(this, topics), { refresh: () => this.refreshMetadata() })
  }
}

/** Writes slabs as whole batches, and requests with one copy. */
function addEncodedProduce(): void {
  const Encoder = require('kafkajs/src/protocol/encoder')
  const stock = require('kafkajs/src/protocol/requests/produce/v3/request')
  swap('protocol/requests/produce/v3/request.js', (options: any) => {
    const plain = stock(options)
    return options.topicData[0]?.partitions[0]?.messages?.slab === undefined
      ? plain
      : { ...plain, encode: () => encodeSlabs({ transactionalId: null, ...options }, () => new Encoder()) }
  })
  swap('protocol/request.js', async ({ correlationId, clientId, request }: any) => {
    const payload = await request.encode()
    const parts: Buffer[] = payload.parts ?? [payload.buffer]
    const head = new Encoder().writeInt16(request.apiKey).writeInt16(request.apiVersion).writeInt32(correlationId).writeString(clientId)
      .buffer as Buffer
    const size = Buffer.allocUnsafe(4)
    size.writeInt32BE(
      parts.reduce((sum, part) => sum + part.length, head.length),
      0,
    )
    const buffer = Buffer.concat([size, head, ...parts])
    for (const slab of payload.slabs ?? []) slab.request = buffer
    return { buffer }
  })
}

let loaded: { module: typeof KafkaJs; raw: boolean } | undefined

/**
 * Loads kafkajs with the fixes.
 *
 * @param rawBatches Hand over fetched batches undecoded and accept slabs in `send`. Fixed by the first call of a process.
 */
export function loadKafkaJs(rawBatches: boolean): typeof KafkaJs {
  if (loaded !== undefined) {
    if (loaded.raw !== rawBatches) throw new TypeError('kafkajs is loaded with the other batch mode; use one mode per process')
    return loaded.module
  }
  mendIdleSpin()
  mendGrouping()
  mendBatchDecoder(rawBatches)
  mendChecksum()
  mendAbortedFilter()
  mendTransactions()
  mendOffsetFetch()
  addStaticMembership()
  guardOffsets()
  dropStaleAnswers()
  nameDenials()
  if (rawBatches) addEncodedProduce()
  // the last: it loads the connections, which keep the modules that they find
  awaitLeaders()
  const { Types, Codecs } = require('kafkajs/src/protocol/message/compression')
  const codec = (name: CodecName) => () => ({
    compress: (encoder: any) => compressRecords(name, encoder.buffer),
    decompress: (bytes: Buffer) => decompressRecords(codecNumbers[name], bytes),
  })
  Codecs[Types.LZ4] = codec('lz4')
  Codecs[Types.ZSTD] = codec('zstd')
  loaded = { module: require('kafkajs') as typeof KafkaJs, raw: rawBatches }
  return loaded.module
}
