/** Counts what listing costs, for an estimate. */
import type { ObjectStore } from './object-store.ts'

/** Entries in one answer of S3. */
const pageEntries = 1000

/**
 * A store of which it is counted how many LIST requests are made.
 *
 * @param count Called for each.
 */
export function countingLists(store: ObjectStore, count: () => void): ObjectStore {
  async function* paged<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    count()
    let entries = 0
    for await (const item of items) {
      if (entries > 0 && entries % pageEntries === 0) count()
      entries++
      yield item
    }
  }
  return {
    listPrefixes: (bucket, prefix, signal) => paged(store.listPrefixes(bucket, prefix, signal)),
    list: (bucket, prefix, options) => paged(store.list(bucket, prefix, options)),
    open: (bucket, key, options) => store.open(bucket, key, options),
  }
}
