/** The cluster as a deployment beside the live one sees it: topics of its own, but for those of the live one that it reads. */
import type { KafkaSettings } from './settings.ts'
import { topicName, type Topic } from '../../schemas/topics.ts'
import type { Log } from '../log.ts'
import { Cluster } from './cluster.ts'

/** A cluster whose topic names are those of the side deployment, except for live topics that it only reads. */
export class SideCluster extends Cluster {
  readonly #livePrefix: string
  readonly #shared: readonly Topic[]

  /**
   * @param settings Those of the side deployment.
   * @param livePrefix Topic prefix of the live deployment.
   * @param shared Topics of the live deployment. Nobody may write to them through this cluster.
   */
  constructor(settings: KafkaSettings, log: Log, livePrefix: string, shared: readonly Topic[]) {
    super(settings, log)
    this.#livePrefix = livePrefix
    this.#shared = shared
  }

  override topicName(topic: Topic): string {
    return this.#shared.includes(topic) ? topicName(this.#livePrefix, topic) : super.topicName(topic)
  }
}
