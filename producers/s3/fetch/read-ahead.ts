/** Downloads of objects ahead of their turn, so that the latency of S3 does not add up. Processing stays in order. */
import type { Readable } from 'node:stream'
import { errorText, FlowError } from '../../../runtime/errors.ts'
import type { ObjectKey } from '../../../schemas/records.ts'
import { bytesInFlight } from './fetch-metrics.ts'
import type { OpenedObject, StoreOf } from '../objects/object-store.ts'

/** An object up to this size is held whole in memory; a larger one is streamed, and opened only when its turn has come. */
export const wholeObjectBytes = 4_194_304

/** An object that was opened, whole or as a stream. */
export interface Download extends Omit<OpenedObject, 'body'> {
  readonly body: Buffer | Readable
}

/** Bytes that all tasks of a role may hold ahead together. A task that gets none reads when its turn comes; nothing waits for it. */
export class ReadAheadBudget {
  #left: number

  constructor(bytes: number) {
    this.#left = bytes
  }

  take(bytes: number): boolean {
    if (bytes > this.#left) return false
    this.#left -= bytes
    bytesInFlight.inc(bytes)
    return true
  }

  give(bytes: number): void {
    this.#left += bytes
    bytesInFlight.dec(bytes)
  }
}

/**
 * Opens an object, and takes it in whole where it is small.
 *
 * @throws FlowError of the store.
 */
export async function download(
  stores: StoreOf,
  { bucket, key }: ObjectKey,
  options: { ifMatch?: string; signal: AbortSignal },
): Promise<Download> {
  const opened = await stores(bucket, key).open(bucket, key, options)
  return opened.size > wholeObjectBytes ? opened : { ...opened, body: await wholeBody(opened, { bucket, key }) }
}

/**
 * Takes in what was opened, whole.
 *
 * @throws FlowError S3_UNAVAILABLE where the download breaks.
 */
export async function wholeBody({ body, size }: OpenedObject, { bucket, key }: ObjectKey): Promise<Buffer> {
  try {
    return await readWhole(body, size)
  } catch (error) {
    throw error instanceof FlowError ? error : new FlowError('S3_UNAVAILABLE', { bucket, key, detail: errorText(error) }, { cause: error })
  }
}

/** Reads a stream into one piece of memory. An async iteration, and joining its chunks, would cost more than the download itself. */
function readWhole(body: Readable, size: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const bytes = Buffer.allocUnsafeSlow(size)
    const more: Buffer[] = []
    let at = 0
    body.on('data', (chunk: Buffer) => {
      if (more.length > 0 || at + chunk.length > size) more.push(chunk)
      else at += chunk.copy(bytes, at)
    })
    body.once('end', () => resolve(more.length === 0 ? bytes.subarray(0, at) : Buffer.concat([bytes.subarray(0, at), ...more])))
    body.once('error', reject)
    body.once('close', () => reject(new Error('the download was closed before its end')))
  })
}

interface Started {
  readonly key: ObjectKey
  readonly bytes: number
  readonly result: Promise<Download | { error: unknown }>
  settled: boolean
}

const nameOf = ({ bucket, key }: ObjectKey): string => `${bucket}\n${key}`

/** Downloads that were started and not yet taken, by object. When the signal ends, all are let go. */
export class ReadAhead {
  readonly #stores: StoreOf
  readonly #budget: ReadAheadBudget
  readonly #signal: AbortSignal
  readonly #started = new Map<string, Started>()

  constructor(stores: StoreOf, budget: ReadAheadBudget, signal: AbortSignal) {
    this.#stores = stores
    this.#budget = budget
    this.#signal = signal
    signal.addEventListener('abort', () => this.#letGo(), { once: true })
  }

  /**
   * Starts a download if there is room. A large object is only opened.
   *
   * @returns False if the download is not under way.
   */
  start(key: ObjectKey, bytes: number, ifMatch?: string): boolean {
    const name = nameOf(key)
    if (this.#started.has(name)) return true
    const held = Math.min(bytes, wholeObjectBytes)
    if (this.#signal.aborted || !this.#budget.take(held)) return false
    const options = { signal: this.#signal, ...(ifMatch === undefined ? {} : { ifMatch }) }
    const started: Started = {
      key,
      bytes: held,
      settled: false,
      // the error is kept as a value: nobody waits for this promise yet
      result: download(this.#stores, key, options)
        .catch((error: unknown) => ({ error }))
        .finally(() => {
          started.settled = true
        }),
    }
    this.#started.set(name, started)
    return true
  }

  /** True if a started download has come to its end, good or bad. */
  isSettled(key: ObjectKey): boolean {
    return this.#started.get(nameOf(key))?.settled === true
  }

  /** The download of an object: the one that was started, else a new one. */
  async take(key: ObjectKey, ifMatch?: string): Promise<Download> {
    const started = this.#started.get(nameOf(key))
    if (started === undefined) return download(this.#stores, key, { signal: this.#signal, ...(ifMatch === undefined ? {} : { ifMatch }) })
    const result = await started.result
    this.#forget(key, started)
    if ('error' in result) throw result.error
    return result
  }

  /** Lets go of a download that is not wanted any more. */
  async drop(key: ObjectKey): Promise<void> {
    const started = this.#started.get(nameOf(key))
    if (started === undefined) return
    discard(await started.result)
    this.#forget(key, started)
  }

  #forget(key: ObjectKey, started: Started): void {
    if (this.#started.delete(nameOf(key))) this.#budget.give(started.bytes)
  }

  #letGo(): void {
    for (const started of [...this.#started.values()]) {
      this.#forget(started.key, started)
      void started.result.then(discard)
    }
  }
}

function discard(result: Download | { error: unknown }): void {
  if ('body' in result && !Buffer.isBuffer(result.body)) result.body.destroy()
}
