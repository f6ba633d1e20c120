/** `flowloom retry`: another attempt for objects that failed, after a person has mended what was wrong. */
import { readTopic } from '../runtime/kafka/topic-reader.ts'
import type { ObjectKey, ObjectLedger } from '../schemas/records.ts'
import { topics } from '../schemas/topics.ts'
import { openAnnouncer } from './announcer.ts'
import type { Command } from './command.ts'
import { configOption } from './command.ts'
import { openSession, type Session } from './session.ts'

/** An object that is not done, as the ledger has it. */
export interface UnreadObject {
  readonly key: ObjectKey
  readonly record: ObjectLedger
}

const shownObjects = 20

/** The objects that failed or wait for another attempt. */
export async function findUnread(session: Session, prefix = ''): Promise<UnreadObject[]> {
  const { cluster, codecs } = session
  const newest = new Map<string, UnreadObject>()
  await readTopic(cluster, topics.objects, record => {
    if (record.key === null) return
    const key = codecs.objects.decodeKey(record.key)
    if (record.value === null) newest.delete(`${key.bucket}\n${key.key}`)
    else newest.set(`${key.bucket}\n${key.key}`, { key, record: codecs.objects.decodeValue(record.value) })
  })
  return [...newest.values()].filter(
    ({ key, record }) => key.key.startsWith(prefix) && (record.state === 'failed' || record.state === 'retrying'),
  )
}

/** Announces objects with the source `retry`: fetch tries them again, whatever became of them. Repeating it does no harm. */
export async function announceRetries(session: Session, objects: readonly UnreadObject[]): Promise<void> {
  const announcer = await openAnnouncer(session, 'retry')
  try {
    const arrival = { etag: null, size: null, lastModifiedMs: null, source: 'retry' } as const
    await announcer.announce(objects.map(({ key }) => ({ key, arrival })))
  } finally {
    await announcer.close()
  }
}

/** See the head of this file. */
export const retryCommand: Command = {
  name: 'retry',
  summary: 'read objects again that failed, after what was wrong is mended',
  options: {
    config: configOption,
    prefix: { type: 'string', value: 'PREFIX', doc: 'only objects whose key starts with it' },
    'dry-run': { type: 'boolean', doc: 'only say which objects these are' },
  },
  details: 'Also hurries objects that wait for their next attempt. Fetch must run, or is to be started, to read them.',
  async run({ values, signal }) {
    const session = await openSession({ file: values['config'] as string | undefined }, signal)
    try {
      const unread = await findUnread(session, values['prefix'] as string | undefined)
      for (const { key, record } of unread.slice(0, shownObjects))
        console.log(`s3://${key.bucket}/${key.key}: ${record.errorCode ?? record.state}, ${record.attempts} attempts`)
      if (unread.length > shownObjects) console.log(`... and ${unread.length - shownObjects} more`)
      if (values['dry-run'] !== true && unread.length > 0) await announceRetries(session, unread)
      console.log(`${unread.length} objects${values['dry-run'] === true ? ', nothing done' : ' announced again'}`)
      return 0
    } finally {
      await session.cluster.close()
    }
  },
}
