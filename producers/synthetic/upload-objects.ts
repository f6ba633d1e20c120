/** Uploads objects that are made while they are uploaded. */

/**
 * Stores objects, some at a time; a generator goes on only as fast as that.
 *
 * @param put Stores one object; its rejection ends the upload.
 * @param options.concurrency Uploads in flight.
 * @param options.signal Ends the upload before the next object.
 */
export async function uploadObjects<T>(
  put: (object: T) => Promise<void>,
  objects: Iterable<T>,
  { concurrency = 8, signal }: { readonly concurrency?: number; readonly signal?: AbortSignal } = {},
): Promise<void> {
  const iterator = objects[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true && signal?.aborted !== true; next = iterator.next()) await put(next.value)
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
