/**
 * Turns the bytes of an object into chunks of text. What they are is told by their first bytes, never by the name: gzip, zstd, else plain text.
 *
 * An object may consist of several gzip members (zero bytes between and behind them are padding) or of several zstd frames. Anything else
 * behind them is damage: the object is broken, as it is where the data is cut or damaged, so that no line is lost in silence.
 */
import type { Readable } from 'node:stream'
import { constants, createGunzip, createZstdDecompress, gunzipSync, type Gunzip, type ZstdDecompress } from 'node:zlib'
import { FlowError, errorText } from '../../runtime/errors.ts'
import { markOwn } from './text-memory.ts'

/** Output chunk of the stream: fewer, larger chunks are a third cheaper than the default. */
const streamChunkBytes = 524_288
/** Text up to this size is decompressed at once: for small objects far cheaper than a stream. */
const wholeTextBytes = 1_048_576
/** Largest window of zstd data, as its logarithm: 32 MiB, enough up to level 20. Bounds the memory of a decompression. */
const zstdWindowLog = 25

type Format = 'gzip' | 'zstd' | 'plain'

const magicBytes = 4

function formatOf(head: Buffer): Format {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip'
  const magic = head.length < magicBytes ? 0 : head.readUInt32LE(0)
  // a zstd frame, or one of the 16 kinds that a reader skips
  return magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5 ? 'zstd' : 'plain'
}

/**
 * Text of an object, in order. Memory: at most 1 MiB for a small object that was read whole, else a few chunks of 512 KiB, and the window of zstd.
 * A chunk may be given back with `release` when nothing of it, and of those before it, is needed any more.
 *
 * @param body The whole object, or a stream of it; a stream is destroyed when the iteration ends early.
 * @throws FlowError OBJECT_BROKEN where the compressed data is damaged or cut, S3_UNAVAILABLE where the stream breaks.
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
    const broken = error instanceof Leftover || /^Z(STD)?_/.test(code)
    throw new FlowError(broken ? 'OBJECT_BROKEN' : 'S3_UNAVAILABLE', { ...name, detail }, { cause: error })
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
  body.once('close', () => {
    if (chunks.failure === undefined) chunks.fail(new Error('the download was closed before its end'))
  })
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

/** Bytes behind the compressed data that are neither padding nor compressed. */
class Leftover extends Error {}

/** Undefined: not gzip, not small, or not all of it is one run of members. The size in the trailer makes it one allocation. */
function gunzipWhole(body: Buffer): Buffer | undefined {
  const size = body.length >= 18 && formatOf(body) === 'gzip' ? body.readUInt32LE(body.length - 4) : Infinity
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

/** The bytes of an object piece by piece, with the possibility to put some back. */
class Pieces {
  readonly #source: AsyncIterator<Buffer> | Iterator<Buffer>
  #back: Buffer | undefined

  constructor(source: AsyncIterable<Buffer> | Iterable<Buffer>) {
    this.#source = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  }

  /** Undefined at the end; never an empty piece. */
  async next(): Promise<Buffer | undefined> {
    const back = this.#back
    this.#back = undefined
    if (back !== undefined && back.length > 0) return back
    for (;;) {
      const next = await this.#source.next()
      if (next.done === true) return undefined
      if (next.value.length > 0) return next.value
    }
  }

  putBack(bytes: Buffer): void {
    this.#back = bytes
  }

  /** Looks at the next bytes: as many as a magic number has, where there are so many. */
  async peek(): Promise<Buffer> {
    let head = (await this.next()) ?? Buffer.alloc(0)
    while (head.length < magicBytes) {
      const next = await this.next()
      if (next === undefined) break
      head = Buffer.concat([head, next])
    }
    this.putBack(head)
    return head
  }

  /** Passes over zero bytes. */
  async skipPadding(): Promise<void> {
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) {
      const at = piece.findIndex(byte => byte !== 0)
      if (at < 0) continue
      this.putBack(piece.subarray(at))
      return
    }
  }
}

async function* streamText(pieces: Pieces): AsyncGenerator<Buffer> {
  const format = formatOf(await pieces.peek())
  if (format === 'plain') {
    for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) yield piece
    return
  }
  for (;;) {
    const engine =
      format === 'gzip'
        ? createGunzip({ chunkSize: streamChunkBytes })
        : createZstdDecompress({ chunkSize: streamChunkBytes, params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } })
    yield* expand(engine, pieces)
    if (format === 'gzip') await pieces.skipPadding()
    const head = await pieces.peek()
    if (head.length === 0) return
    if (formatOf(head) !== format) throw new Leftover(`bytes behind the ${format} data that are not ${format}`)
  }
}

/** Decompresses up to the end of the data, and puts back what is behind it. */
async function* expand(engine: Gunzip | ZstdDecompress, pieces: Pieces): AsyncGenerator<Buffer> {
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
