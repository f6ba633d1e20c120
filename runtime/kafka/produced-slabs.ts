/** Produce requests with batches that are framed already: what goes to each partition is written as it is, behind a batch header. */
import { batchHeader, codecNumbers, compressRecords, type CodecName } from './record-format.ts'

/** Marks a list of messages that is one framed slab; it travels through kafkajs as if it were the messages. */
export interface SlabMessages {
  readonly length: number
  /** `request` is the memory of the newest request, which may have slabs of other partitions too; it is free again when the answer is there. */
  readonly slab: { readonly bytes: Uint8Array; compressed?: Buffer; request?: Buffer }
  readonly codec: CodecName
}

/** Of a produce request, version 3, as kafkajs gives it. */
interface ProduceRequest {
  readonly transactionalId: string | null
  readonly acks: number
  readonly timeout: number
  readonly producerId: string | number
  readonly producerEpoch: number
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly firstSequence: number; readonly messages: SlabMessages }[]
  }[]
}

/** The encoder of kafkajs. */
interface Encoder {
  readonly buffer: Buffer
  writeString(text: string | null): Encoder
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
}

/** @returns The body of the request in pieces, and the slabs that it has. */
export async function encodeSlabs(
  request: ProduceRequest,
  encoder: () => Encoder,
): Promise<{ parts: Buffer[]; slabs: SlabMessages['slab'][] }> {
  const { transactionalId, acks, timeout, producerId, producerEpoch, topicData } = request
  const producer = { producerId: BigInt(String(producerId)), producerEpoch, transactional: transactionalId !== null }
  const parts = [encoder().writeString(transactionalId).writeInt16(acks).writeInt32(timeout).writeInt32(topicData.length).buffer]
  const slabs: SlabMessages['slab'][] = []
  for (const { topic, partitions } of topicData) {
    parts.push(encoder().writeString(topic).writeInt32(partitions.length).buffer)
    for (const { partition, messages, firstSequence } of partitions) {
      const { slab, codec, length } = messages
      slab.compressed ??= await compressRecords(codec, slab.bytes)
      const batch = batchHeader(
        { codec: codecNumbers[codec], count: length, timestampMs: Date.now(), ...producer, firstSequence },
        slab.compressed,
      )
      parts.push(
        encoder()
          .writeInt32(partition)
          .writeInt32(batch.length + slab.compressed.length).buffer,
        batch,
        slab.compressed,
      )
      slabs.push(slab)
    }
  }
  return { parts, slabs }
}
