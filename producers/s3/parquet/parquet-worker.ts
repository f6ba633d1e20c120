/** The thread that decodes Parquet objects, one after the other. It asks for the bytes that it needs, and sends the text as far as it may. */
import { parentPort, workerData } from 'node:worker_threads'
import { errorText, FlowError } from '../../../runtime/errors.ts'
import type { FromReader, ToReader } from './parquet-readers.ts'
import { limitHeap } from './parquet-heap.ts'
import { parquetText, type RandomAccess } from './parquet-text.ts'

const port = parentPort!
limitHeap((workerData as { heapBytes: number }).heapBytes)
/** Chunks that may be sent. */
let allowed = 0
let wakeText = (): void => undefined
let giveBytes = (_bytes: Uint8Array | null): void => undefined

const tell = (message: FromReader, moved: ArrayBuffer[] = []): void => port.postMessage(message, moved)

function source(size: number): RandomAccess {
  return {
    size,
    async read(from, to) {
      const bytes = new Promise<Uint8Array | null>(resolve => (giveBytes = resolve))
      tell({ kind: 'ask', from, to })
      const given = await bytes
      if (given === null) throw new Error('its bytes could not be read')
      return Buffer.from(given.buffer, given.byteOffset, given.length)
    },
  }
}

async function read({ size, fromLine }: ToReader & { kind: 'read' }): Promise<void> {
  try {
    for await (const chunk of parquetText(source(size), { bucket: '', key: '' }, fromLine)) {
      while (allowed === 0) await new Promise<void>(resolve => (wakeText = resolve))
      allowed--
      const own = chunk.byteLength === chunk.buffer.byteLength ? chunk : Uint8Array.from(chunk)
      tell({ kind: 'text', bytes: own }, [own.buffer as ArrayBuffer])
    }
    tell({ kind: 'end' })
  } catch (error) {
    const known = error instanceof FlowError
    tell({
      kind: 'broken',
      code: known ? error.code : 'OBJECT_BROKEN',
      detail: known ? String(error.details['detail']) : errorText(error),
    })
  }
}

port.on('message', (message: ToReader) => {
  switch (message.kind) {
    case 'read':
      allowed = message.ahead
      void read(message)
      break
    case 'bytes':
      giveBytes(message.bytes)
      break
    case 'more':
      allowed++
      wakeText()
      break
  }
})
