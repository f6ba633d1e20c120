/**
 * Decodes Parquet objects on threads of their own. A file that was made to harm, or is damaged in a way that no check knows, can then neither
 * hold up the process nor fill its memory: its thread is ended and the object fails.
 */
import { Worker } from 'node:worker_threads'
import { errorText, FlowError, type ErrorCode } from '../../../runtime/errors.ts'
import { counter } from '../../../runtime/metrics.ts'
import { ownScript } from '../../../runtime/own-files.ts'
import type { RandomAccess } from './parquet-text.ts'
import { markOwn } from '../text/text-memory.ts'

const parquetThreadsEnded = counter(
  'flowloom_fetch_parquet_threads_ended_total',
  'threads that decoded a Parquet object and were ended: by time, by memory, or by a fault of their own',
  ['reason'],
)

/** What a thread is told. */
export type ToReader =
  | { readonly kind: 'read'; readonly size: number; readonly fromLine: number; readonly ahead: number }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array | null }
  | { readonly kind: 'more' }

/** What a thread tells. */
export type FromReader =
  | { readonly kind: 'ask'; readonly from: number; readonly to: number }
  | { readonly kind: 'text'; readonly bytes: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'broken'; readonly code: ErrorCode; readonly detail: string }

/** Bounds of a thread. */
export interface ReaderLimits {
  /** Heap of JavaScript, which a thread checks itself; V8 ends it at twice as much. Bytes outside of it are bounded by what the pages claim, which is checked. */
  readonly heapBytes: number
  /** Limit for the thread's next message while we wait for it; normally milliseconds. */
  readonly silentMs: number
  /** A thread that has nothing to do ends, and gives back its memory. */
  readonly idleMs: number
}

/** See `ReaderLimits`. */
export const readerLimits: ReaderLimits = { heapBytes: 805_306_368, silentMs: 60_000, idleMs: 30_000 }
/** Chunks of text that a thread makes ahead. */
const ahead = 4
const megabyte = 1_048_576
/** The time limit is counted in turns of the event loop, so that a process that was held up itself blames no thread. */
const ticks = 10

/** Threads that are started when they are needed: one for each object that is being read. One that rests does not keep the process alive. */
export class ParquetReaders {
  readonly #limits: ReaderLimits
  readonly #idle: Reader[] = []

  constructor(limits: ReaderLimits = readerLimits) {
    this.#limits = limits
  }

  /**
   * Text of an object from a line on, as `parquetText` makes it.
   *
   * @param signal Ends the thread at once, whatever it is doing.
   * @throws FlowError OBJECT_BROKEN as `parquetText`; OBJECT_OVER_LIMIT where the thread was ended; errors of the store.
   */
  async *read(
    source: RandomAccess,
    name: { bucket: string; key: string },
    fromLine: number,
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void, undefined> {
    let reader = this.#idle.pop()
    while (reader?.isFree === false) reader = this.#idle.pop()
    reader ??= new Reader(this.#limits)
    const abort = (): void => void reader.end(new FlowError('S3_UNAVAILABLE', { ...name, detail: 'reading was stopped' }))
    signal.addEventListener('abort', abort, { once: true })
    if (signal.aborted) abort()
    try {
      yield* reader.read(source, name, fromLine)
    } finally {
      signal.removeEventListener('abort', abort)
      // whatever was not read to its end has a thread that is still at it
      if (reader.isFree) this.#rest(reader)
      else await reader.end()
    }
  }

  #rest(reader: Reader): void {
    this.#idle.push(reader)
    reader.rest(() => this.#idle.splice(this.#idle.indexOf(reader), 1))
  }

  /** Ends the threads that have nothing to do; the others end with their objects. */
  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map(reader => reader.end()))
  }
}

/** One thread. */
class Reader {
  readonly #limits: ReaderLimits
  readonly #worker: Worker
  readonly #messages: FromReader[] = []
  #wake = (): void => undefined
  /** Why it is of no use any more. */
  #failure: Error | undefined
  #busy = false
  #idleTimer: NodeJS.Timeout | undefined

  constructor(limits: ReaderLimits) {
    this.#limits = limits
    this.#worker = new Worker(ownScript('./parquet-worker.ts', import.meta.url), {
      name: 'parquet',
      execArgv: [],
      workerData: { heapBytes: limits.heapBytes },
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil((2 * limits.heapBytes) / megabyte) },
    })
    this.#worker.on('message', (message: FromReader) => {
      this.#messages.push(message)
      this.#wake()
    })
    this.#worker.on('error', (error: Error) => this.#fail(error))
    this.#worker.on('exit', code => this.#fail(new Error(`the thread ended with code ${code}`)))
  }

  /** True if it waits for an object. */
  get isFree(): boolean {
    return !this.#busy && this.#failure === undefined
  }

  async *read(source: RandomAccess, name: { bucket: string; key: string }, fromLine: number): AsyncGenerator<Buffer, void, undefined> {
    clearTimeout(this.#idleTimer)
    this.#worker.ref()
    this.#busy = true
    let storeFailure: { error: unknown } | undefined
    this.#tell({ kind: 'read', size: source.size, fromLine, ahead })
    for (;;) {
      const message = await this.#next(name)
      switch (message.kind) {
        case 'ask':
          try {
            const bytes = await source.read(message.from, message.to)
            const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes)
            this.#tell({ kind: 'bytes', bytes: own }, [own.buffer as ArrayBuffer])
          } catch (error) {
            storeFailure = { error }
            this.#tell({ kind: 'bytes', bytes: null })
          }
          break
        case 'text': {
          const chunk = Buffer.from(message.bytes.buffer, message.bytes.byteOffset, message.bytes.length)
          markOwn(chunk)
          yield chunk
          this.#tell({ kind: 'more' })
          break
        }
        case 'end':
        case 'broken':
          this.#busy = false
          this.#worker.unref()
          if (storeFailure !== undefined) throw storeFailure.error
          if (message.kind === 'end') return
          if (message.code !== 'OBJECT_OVER_LIMIT') throw new FlowError(message.code, { ...name, detail: message.detail })
          // what it holds goes with it
          await this.end()
          parquetThreadsEnded.inc({ reason: 'memory' })
          throw new FlowError('OBJECT_OVER_LIMIT', { ...name, detail: message.detail })
      }
    }
  }

  /** Ends after a while, if nothing comes. */
  rest(ended: () => void): void {
    this.#idleTimer = setTimeout(() => {
      ended()
      void this.end()
    }, this.#limits.idleMs).unref()
  }

  async end(why: Error = new Error('it was ended')): Promise<void> {
    clearTimeout(this.#idleTimer)
    this.#fail(why)
    await this.#worker.terminate()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wake()
  }

  #tell(message: ToReader, moved: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, moved)
  }

  /** The next message. It is the turn of the thread: it has what it asked for, and may send text. */
  async #next(name: { bucket: string; key: string }): Promise<FromReader> {
    const waiting = this.#messages.shift()
    if (waiting !== undefined) return waiting
    let quiet = 0
    const clock = setInterval(() => {
      if (++quiet > ticks) void this.end(this.#overLimit(name, 'time', `nothing came of it for ${this.#limits.silentMs} ms`))
    }, this.#limits.silentMs / ticks)
    try {
      for (;;) {
        const message = this.#messages.shift()
        if (message !== undefined) return message
        if (this.#failure !== undefined) throw this.#failure instanceof FlowError ? this.#failure : this.#died(name, this.#failure)
        await new Promise<void>(resolve => (this.#wake = resolve))
      }
    } finally {
      clearInterval(clock)
    }
  }

  #died(name: { bucket: string; key: string }, cause: Error): FlowError {
    const memory = (cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
    if (memory) return this.#overLimit(name, 'memory', `it takes more than ${this.#limits.heapBytes} bytes of heap`, cause)
    parquetThreadsEnded.inc({ reason: 'fault' })
    return new FlowError('OBJECT_BROKEN', { ...name, detail: `Parquet: ${errorText(cause)}` }, { cause })
  }

  #overLimit(name: { bucket: string; key: string }, reason: 'time' | 'memory', detail: string, cause?: Error): FlowError {
    parquetThreadsEnded.inc({ reason })
    return new FlowError('OBJECT_OVER_LIMIT', { ...name, detail: `Parquet: ${detail}` }, { cause })
  }
}
