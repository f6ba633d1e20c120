/** Turns the bytes of an object into chunks of text: gzip by its magic bytes, else the bytes as they are. */
import { Readable, pipeline } from 'node:stream'
import { constants, createGunzip, gunzipSync } from 'node:zlib'
import { FlowError, errorText } from '../../runtime/errors.ts'

/** Output chunk of the stream: fewer, larger chunks are a third cheaper than the default. */
const streamChunkBytes = 524_288
const largestSyncChunkBytes = 1_048_576

const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b

/**
 * Text of an object, in order. Memory: at most `wholeBytes` for an object that was read whole, else a few chunks of 512 KiB.
 *
 * @param body The whole object, or a stream of it; a stream is destroyed when the iteration ends early.
 * @param wholeBytes A whole gzip object with more text than this is decompressed as a stream.
 * @throws FlowError OBJECT_BROKEN where the gzip data is damaged or cut, S3_UNAVAILABLE where the stream breaks.
 */
export async function* textChunks(
  body: Buffer | Readable,
  wholeBytes: number,
  name: { bucket: string; key: string },
): AsyncGenerator<Buffer> {
  try {
    if (body instanceof Readable) yield* streamText(body)
    else if (body.length === 0) return
    else if (!isGzip(body)) yield body
    else {
      const whole = gunzipWhole(body, wholeBytes)
      if (whole === undefined) yield* gunzipStream([body])
      else yield whole
    }
  } catch (error) {
    if (error instanceof FlowError) throw error
    const detail = errorText(error)
    const code = (error as NodeJS.ErrnoException).code ?? ''
    throw new FlowError(code.startsWith('Z_') ? 'OBJECT_BROKEN' : 'S3_UNAVAILABLE', { ...name, detail }, { cause: error })
  }
}

/** Decompresses at once: for small objects far cheaper than a stream. The size in the trailer makes it one allocation. Undefined: too large. */
function gunzipWhole(body: Buffer, wholeBytes: number): Buffer | undefined {
  const size = body.length >= 18 ? body.readUInt32LE(body.length - 4) : 0
  const chunkSize = Math.min(Math.max(size + 1, constants.Z_MIN_CHUNK), largestSyncChunkBytes)
  try {
    return gunzipSync(body, { chunkSize, maxOutputLength: wholeBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw error
  }
}

async function* streamText(body: Readable): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  try {
    let head: Buffer = Buffer.alloc(0)
    let ended = false
    while (head.length < 2 && !ended) {
      const next = await chunks.next()
      if (next.done === true) ended = true
      else head = head.length === 0 ? next.value : Buffer.concat([head, next.value])
    }
    const all = (async function* () {
      if (head.length > 0) yield head
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value
    })()
    if (isGzip(head)) yield* gunzipStream(all)
    else yield* all
  } finally {
    body.destroy()
  }
}

async function* gunzipStream(compressed: Iterable<Buffer> | AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: streamChunkBytes })
  // an error reaches the loop below through the gunzip stream
  pipeline(Readable.from(compressed, { objectMode: false }), gunzip, () => undefined)
  for await (const chunk of gunzip) yield chunk as Buffer
}
