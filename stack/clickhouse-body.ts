import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rm, stat } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import type { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'

const decoders: Record<string, () => Transform> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
}

/** The body of a request in a file, so that its size is not bounded by memory. */
export class SpooledBody {
  readonly file: string
  readonly bytes: number
  readonly #folder: string

  private constructor(folder: string, file: string, bytes: number) {
    this.#folder = folder
    this.file = file
    this.bytes = bytes
  }

  /**
   * Writes the body of a request, decompressed, into a new file of the folder.
   *
   * @throws An error of code 118 for an unknown Content-Encoding.
   */
  static async receive(request: IncomingMessage, folder: string): Promise<SpooledBody> {
    const encoding = request.headers['content-encoding'] ?? 'identity'
    const decoder = decoders[encoding]?.()
    if (decoder === undefined && encoding !== 'identity')
      throw new Error(`Code: 118. DB::Exception: Unknown Content-Encoding ${encoding}. (UNKNOWN_COMPRESSION_METHOD)`)
    return SpooledBody.#write(folder, request, decoder)
  }

  /** The rest of the body from an offset, as a body of its own. */
  from(offset: number): Promise<SpooledBody> {
    return SpooledBody.#write(this.#folder, createReadStream(this.file, { start: offset }))
  }

  /** The first bytes, 64 KiB unless told otherwise. */
  async head(bytes = 65_536): Promise<Buffer> {
    const handle = await open(this.file)
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(bytes, this.bytes)))
      return buffer.subarray(0, bytesRead)
    } finally {
      await handle.close()
    }
  }

  /** Removes the file. */
  async remove(): Promise<void> {
    await rm(this.file, { force: true })
  }

  static async #write(folder: string, source: Readable, decoder?: Transform): Promise<SpooledBody> {
    const file = join(folder, randomUUID())
    try {
      await (decoder === undefined ? pipeline(source, createWriteStream(file)) : pipeline(source, decoder, createWriteStream(file)))
      return new SpooledBody(folder, file, (await stat(file)).size)
    } catch (error) {
      await rm(file, { force: true })
      throw error
    }
  }
}
