/** Notify as a part of the path. */
import { harmless, part, type PartOptions } from '../../../runtime/part.ts'
import { s3Section, type S3Settings } from '../settings.ts'
import { openQueue } from './notify-queue.ts'
import { createNotifySource, notifySource } from './notify-source.ts'
import { probeQueues } from './probe-queues.ts'

/** The settings that notify takes from the whole. */
export interface NotifyConfig {
  readonly s3: S3Settings
}

/** What notify is and does. */
export const notify = part({
  name: 'notify',
  kind: 'source',
  doc: 'takes notifications of new objects from queues and announces them; off without `s3.queues`',
  settings: { s3: s3Section },
  roles: [notifySource],
  wanted: ({ s3 }: NotifyConfig) => s3.queues.length > 0,
  guard: { notify: harmless('it has no position: what a queue has not deleted comes again') },
  probe: ({ s3 }: NotifyConfig) => probeQueues(s3),
  build: ({ config: { s3 }, atPoint }: PartOptions<NotifyConfig>) => ({
    sources: [createNotifySource({ settings: s3, open: queue => openQueue(s3, queue), ...(atPoint === undefined ? {} : { atPoint }) })],
  }),
})
