/** What the discover tests share: a store, a cluster, and the source with rounds that follow each other at once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { checkConfig } from '../../../config/config.ts'
import { createDiscoverSource, type DiscoverSource } from '../../../producers/s3/discover/discover-source.ts'
import { registry } from '../../../runtime/metrics.ts'
import { MemoryCluster } from '../../../harness/memory-context.ts'
import { MemoryObjectStore } from '../../../harness/memory-object-store.ts'

/** Bucket of every object. */
export const bucket = 'flow-logs'

/** A discover source over a store and a cluster in memory. */
export class DiscoverBench {
  readonly store = new MemoryObjectStore()
  /** Stores that the sources with these accounts have of their own: another role sees something else. */
  readonly ownStores = new Map<string, MemoryObjectStore>()
  readonly cluster: MemoryCluster
  readonly source: DiscoverSource
  readonly #stop = new AbortController()
  readonly #shards: Promise<void>[] = []

  constructor(options: { s3?: Record<string, unknown>; now?: string; shards?: number; quietDayRounds?: number } = {}) {
    this.cluster = new MemoryCluster({ clockMs: Date.parse(options.now ?? '2026-11-24T12:00:00Z'), partitions: options.shards ?? 1 })
    const { s3 } = checkConfig({ s3: { pollIntervalMs: 100, ...options.s3 } })
    this.source = createDiscoverSource({
      settings: { ...s3, pollIntervalMs: 1 },
      stores: (_bucket, _key, source) => this.ownStores.get(source?.accounts?.[0] ?? '') ?? this.store,
      quietDayRounds: options.quietDayRounds ?? 1,
    })
  }

  start(shards = [0]): void {
    for (const shard of shards)
      this.#shards.push(this.source.runShard(this.cluster.createSourceContext(this.source, shard, this.#stop.signal)))
  }

  /** Some rounds of listing. */
  async rounds(): Promise<void> {
    await sleep(60)
  }

  /** Waits until so many rounds have ended, of all shards together. */
  async ended(count: number): Promise<void> {
    for (const first = await roundsEnded(); (await roundsEnded()) < first + count;) await sleep(1)
  }

  /** Waits until an object is announced. */
  async found(key: string): Promise<void> {
    const endMs = Date.now() + 20_000
    while (!this.keys().includes(key)) {
      if (Date.now() > endMs) throw new Error(`${key} was not found`)
      await sleep(1)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#shards)
  }

  async once(shards = [0]): Promise<string[]> {
    this.start(shards)
    await this.rounds()
    await this.stop()
    return this.keys()
  }

  keys(): string[] {
    return this.cluster.readCommitted('objectArrivals').map(record => record.key.key)
  }
}

/** Rounds that have ended in this process. */
export const roundsEnded = async (): Promise<number> =>
  (await registry.getSingleMetric('flowloom_discover_rounds_total')!.get()).values.reduce((sum, { value }) => sum + value, 0)
