/** Downloads of objects ahead of their turn, so that the latency of S3 does not add up. Processing stays in order. */
import type { Readable } from 'node:stream'
import { errorText, FlowError } from '../../runtime/errors.ts'
import type { ObjectKey } from '../../schemas/records.ts'
import { bytesInFlight } from './fetch-metrics.ts'
import type { OpenedObject, StoreOf } from './object-store.ts'

/** An object up to this size is held whole in memory; a larger one is streamed, and opened only when its turn has come. */
export const wholeObjectBytes = 4_194_304

/** An object that was opened, whole or as a stream. */
export interface Download extends Omit<OpenedObject, 'body'> {
  readonly body: Buffer | Readable
}

/** Bytes that all tasks of a role may hold ahead together. Whoever gets none simply reads when its turn has come: nobody waits for it. */
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
  if (opened.size > wholeObjectBytes) return opened
  try {
    const chunks: Buffer[] = []
    for await (const chunk of opened.body) chunks.push(chunk as Buffer)
    return { ...opened, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks) }
  } catch (error) {
    throw error instanceof FlowError ? error : new FlowError('S3_UNAVAILABLE', { bucket, key, detail: errorText(error) }, { cause: error })
  }
}

/** Downloads that were started and not yet taken, by object. */
export class ReadAhead {
  readonly #stores: StoreOf
  readonly #budget: ReadAheadBudget
  readonly #signal: AbortSignal
  readonly #started = new Map<string, { key: ObjectKey; bytes: number; result: Promise<Download | { error: unknown }> }>()

  constructor(stores: StoreOf, budget: ReadAheadBudget, signal: AbortSignal) {
    this.#stores = stores
    this.#budget = budget
    this.#signal = signal
  }

  /** Starts a download, if the object is small, not yet started and there is room. */
  start(key: ObjectKey, bytes: number | null, ifMatch?: string): void {
    const name = `${key.bucket}\n${key.key}`
    if (bytes === null || bytes > wholeObjectBytes || this.#started.has(name) || !this.#budget.take(bytes)) return
    const options = { signal: this.#signal, ...(ifMatch === undefined ? {} : { ifMatch }) }
    // the error is kept as a value: nobody waits for this promise yet
    const result = download(this.#stores, key, options).catch((error: unknown) => ({ error }))
    this.#started.set(name, { key, bytes, result })
  }

  /** The download of an object: the one that was started, else a new one. */
  async take(key: ObjectKey, ifMatch?: string): Promise<Download> {
    const name = `${key.bucket}\n${key.key}`
    const started = this.#started.get(name)
    if (started === undefined) return download(this.#stores, key, { signal: this.#signal, ...(ifMatch === undefined ? {} : { ifMatch }) })
    this.#started.delete(name)
    const result = await started.result
    this.#budget.give(started.bytes)
    if ('error' in result) throw result.error
    return result
  }

  /** Lets go of a download that is not wanted any more. */
  async drop(key: ObjectKey): Promise<void> {
    if (!this.#started.has(`${key.bucket}\n${key.key}`)) return
    const taken = await this.take(key).catch(() => undefined)
    if (taken !== undefined && !Buffer.isBuffer(taken.body)) taken.body.destroy()
  }

  /** Lets go of everything; waits until the downloads have ended. */
  async dropAll(): Promise<void> {
    for (const { key } of [...this.#started.values()]) await this.drop(key)
  }
}
