/**
 * Turns the bytes of an object into chunks of text. What they are is told by their first bytes, never by the name: gzip, zstd, ZIP, Snappy, else
 * plain text.
 *
 * An object may consist of several gzip members (zero bytes between and behind them are padding) or of several zstd frames. Anything else
 * behind them is damage: the object is broken, as it is where the data is cut or damaged, so that no line is lost in silence.
 */
import type { Readable } from 'node:stream'
import { constants, createGunzip, createZstdDecompress, gunzipSync, type Gunzip, type InflateRaw, type ZstdDecompress } from 'node:zlib'
import { FlowError, errorText } from '../../../runtime/errors.ts'
import { Damaged, Pieces } from './byte-pieces.ts'
import { headBytes, packingOf, streamPacking, UnreadFormat } from './object-formats.ts'
import { snappyText, type SnappyForm } from './snappy-text.ts'
import { markOwn } from './text-memory.ts'
import { zipText } from './zip-text.ts'

/** Output chunk of the stream: fewer, larger chunks are a third cheaper than the default. */
const streamChunkBytes = 524_288
/** Text up to this size is decompressed at once: for small objects far cheaper than a stream. */
const wholeTextBytes = 1_048_576
/** Largest window of zstd data, as its logarithm: 32 MiB, enough up to level 20. Bounds the memory of a decompression. */
const zstdWindowLog = 25

/** Bytes that tell whether more gzip or zstd follows. */
const magicBytes = 4

/**
 * Text of an object, in order. Memory: at most 1 MiB for a small object that was read whole, else a few chunks of 512 KiB, and the window of zstd or
 * Snappy.
 * A chunk may be given back with `release` when nothing of it, and of those before it, is needed any more.
 *
 * @param body The whole object, or a stream of it; a stream is destroyed when the iteration ends early.
 * @throws FlowError OBJECT_BROKEN where the compressed data is damaged or cut, OBJECT_FORMAT where it is compressed in a way that is not read,
 *   S3_UNAVAILABLE where the stream breaks.
 */
export async function* textChunks(body: Buffer | Readable, name: { bucket: string; key: string }): AsyncGenerator<Buffer> {
  try {
    const whole = Buffer.isBuffer(body) ? gunzipWhole(body) : undefined
    if (whole === undefined) yield* streamText(new Pieces(Buffer.isBuffer(body) ? [body] : flowing(body)))
    else {
      markOwn(whole)
      yield whole
    }
  } catch (error) {
    if (error instanceof FlowError) throw error
    const detail = errorText(error)
    const code = (error as NodeJS.ErrnoException).code ?? ''
    const broken = error instanceof Damaged || /^Z(STD)?_/.test(code)
    throw new FlowError(
      error instanceof UnreadFormat ? 'OBJECT_FORMAT' : broken ? 'OBJECT_BROKEN' : 'S3_UNAVAILABLE',
      { ...name, detail },
      { cause: error },
    )
  } finally {
    if (!Buffer.isBuffer(body)) body.destroy()
  }
}

/**
 * The chunks of a stream as they come, one at a time. The async iteration of the stream itself would copy those together that wait, which cost
 * 40 % more.
 */
class Chunks {
  ended = false
  failure: Error | undefined
  readonly #stream: Readable
  readonly #waiting: Buffer[] = []
  #wake = (): void => undefined

  constructor(stream: Readable) {
    this.#stream = stream
    stream.on('data', (chunk: Buffer) => {
      this.#waiting.push(chunk)
      stream.pause()
      this.wake()
    })
    stream.once('end', () => {
      this.ended = true
      this.wake()
    })
    stream.on('error', (error: Error) => this.fail(error))
  }

  /** A chunk that has come; undefined: none. */
  take(): Buffer | undefined {
    return this.#waiting.shift()
  }

  /** Lets the next chunk come. */
  more(): void {
    this.#stream.resume()
  }

  fail(error: Error): void {
    this.failure = error
    this.wake()
  }

  wake(): void {
    this.#wake()
  }

  /** Until something has happened. */
  wait(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
    })
  }
}

/** The chunks of a download. */
async function* flowing(body: Readable): AsyncGenerator<Buffer> {
  const chunks = new Chunks(body)
  const closed = (): void => {
    if (chunks.failure === undefined) chunks.fail(body.errored ?? new Error('the download was closed before its end'))
  }
  if (body.destroyed) closed()
  else body.once('close', closed)
  for (;;) {
    const chunk = chunks.take()
    if (chunk !== undefined) {
      yield chunk
      chunks.more()
    } else if (chunks.ended) return
    else if (chunks.failure !== undefined) throw chunks.failure
    else await chunks.wait()
  }
}

/** Undefined: not gzip, not small, or not members from its first to its last byte. The size in the trailer makes it one allocation. */
function gunzipWhole(body: Buffer): Buffer | undefined {
  const size = body.length >= 18 && streamPacking(body) === 'gzip' ? body.readUInt32LE(body.length - 4) : Infinity
  if (size > wholeTextBytes) return undefined
  const chunkSize = Math.max(size + 1, constants.Z_MIN_CHUNK)
  try {
    const { buffer, engine } = gunzipSync(body, { chunkSize, maxOutputLength: wholeTextBytes + 1, info: true }) as unknown as {
      buffer: Buffer
      engine: Gunzip
    }
    return engine.bytesWritten === body.length ? buffer : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw error
  }
}

async function* streamText(pieces: Pieces): AsyncGenerator<Buffer> {
  const packing = packingOf(await pieces.peek(headBytes))
  if (packing === 'plain') {
    for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) yield piece
    return
  }
  if (packing === 'zip') {
    yield* zipText(pieces, expand, streamChunkBytes)
    return
  }
  if (packing !== 'gzip' && packing !== 'zstd') {
    yield* snappyText(packing.slice('snappy-'.length) as SnappyForm, pieces)
    return
  }
  for (;;) {
    const engine =
      packing === 'gzip'
        ? createGunzip({ chunkSize: streamChunkBytes })
        : createZstdDecompress({ chunkSize: streamChunkBytes, params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } })
    yield* expand(engine, pieces)
    if (packing === 'gzip') await pieces.skipPadding()
    const head = await pieces.peek(magicBytes)
    if (head.length === 0) return
    if (streamPacking(head) !== packing) throw new Damaged(`bytes behind the ${packing} data that are not ${packing}`)
  }
}

/** Decompresses up to the end of the data, and puts back what is behind it. */
async function* expand(engine: Gunzip | InflateRaw | ZstdDecompress, pieces: Pieces): AsyncGenerator<Buffer> {
  const chunks = new Chunks(engine)
  let piece: Buffer | undefined
  let given = 0
  let hungry = true
  const eaten = (): void => {
    // what is not eaten is behind the end, and 'end' is on its way
    if (engine.bytesWritten === given) hungry = true
    chunks.wake()
  }
  try {
    for (;;) {
      const chunk = chunks.take()
      if (chunk !== undefined) {
        // up to its end: zlib has taken new memory since
        if (chunk.byteOffset + chunk.length === chunk.buffer.byteLength) markOwn(chunk)
        yield chunk
        chunks.more()
      } else if (chunks.failure !== undefined) throw chunks.failure
      else if (chunks.ended) break
      else if (hungry) {
        piece = await pieces.next()
        hungry = false
        given += piece?.length ?? 0
        if (piece === undefined) engine.end()
        else engine.write(piece, eaten)
      } else await chunks.wait()
    }
    const rest = given - engine.bytesWritten
    if (piece !== undefined && rest > 0) pieces.putBack(piece.subarray(piece.length - rest))
  } finally {
    engine.destroy()
  }
}
