/** Sources in which polling finds nothing: said once each, with the reason, and counted as long as it lasts. */
import type { S3Source } from '../settings.ts'
import { FlowError } from '../../../runtime/errors.ts'
import type { Log } from '../../../runtime/log.ts'
import { gauge } from '../../../runtime/metrics.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { lookAtSource, whyNothing, type LookWindow, type SourceLook } from '../objects/source-look.ts'
import { rootOf } from '../objects/source-layout.ts'

const silentSources = gauge('flowloom_discover_silent_sources', 'sources in which the last look found nothing to read; the log says why')

/** What one shard knows of the sources that it looks after. */
export class SilentSources {
  readonly #log: Log
  readonly #reasons = new Map<S3Source, string>()
  /** Looked at since something of them was listed. */
  readonly #looked = new Set<S3Source>()

  constructor(log: Log) {
    this.#log = log
  }

  /** Something of the source was listed. */
  heard(source: S3Source): void {
    this.#looked.delete(source)
    if (!this.#reasons.delete(source)) return
    silentSources.dec()
    this.#log.info({ bucket: source.bucket, prefix: rootOf(source) }, 'a source has something to read now')
  }

  /**
   * Looks why nothing of a source was listed. With the layout `flow-logs` other shards may have found something since; with the others the shard
   * lists all itself, and to look once is enough.
   */
  async look(source: S3Source, store: ObjectStore, window: LookWindow): Promise<void> {
    if (source.layout !== 'flow-logs' && this.#looked.has(source)) return
    this.#looked.add(source)
    try {
      const listedAll = source.layout !== 'flow-logs'
      const look: SourceLook = listedAll
        ? { result: 'none', why: await whyNothing(source, store, window) }
        : await lookAtSource(source, store, window)
      if (look.result === 'found') this.heard(source)
      if (look.result === 'none') this.#say(source, look.why)
    } catch (error) {
      // a source that cannot be listed was reported by the round
      if (!(error instanceof FlowError)) throw error
    }
  }

  /** Gives back what the gauge counts for this shard. */
  close(): void {
    silentSources.dec(this.#reasons.size)
    this.#reasons.clear()
  }

  #say(source: S3Source, reason: string): void {
    const said = this.#reasons.get(source)
    if (said === undefined) silentSources.inc()
    this.#reasons.set(source, reason)
    const { bucket, layout } = source
    if (said !== reason) this.#log.warn({ bucket, prefix: rootOf(source), layout, reason }, 'a source finds nothing to read')
  }
}
