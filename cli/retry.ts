/** `flowloom retry`: another attempt for objects that failed, after a person has fixed what was wrong. */
import type { Announcement } from '../producers/s3/objects/announce-arrivals.ts'
import { readTopic } from '../runtime/kafka/topic-reader.ts'
import type { ObjectKey, ObjectLedger } from '../schemas/records.ts'
import { topics } from '../schemas/topics.ts'
import { openAnnouncer } from '../operations/announcer.ts'
import type { Command } from './arguments/command.ts'
import { configOption } from './arguments/command.ts'
import { isAt, parsePlace, type S3Place } from './arguments/s3-place.ts'
import { openSession, type Session } from '../operations/session.ts'

/** An object that is not done, as the ledger has it. */
export interface UnreadObject {
  readonly key: ObjectKey
  readonly record: ObjectLedger
}

const shownObjects = 20
const anywhere: S3Place = { bucket: undefined, prefix: '' }

/** The objects that failed or wait for another attempt, as of the records heard so far. Those that are read, of which there may be millions, take no memory. */
export class UnreadObjects {
  readonly #place: S3Place
  readonly #objects = new Map<string, UnreadObject>()

  /** @param place Only objects there. */
  constructor(place: S3Place = anywhere) {
    this.#place = place
  }

  get list(): UnreadObject[] {
    return [...this.#objects.values()]
  }

  /** Takes the newest record of an object; null: it is forgotten. */
  hear(key: ObjectKey, record: ObjectLedger | null): void {
    if (!isAt(this.#place, key)) return
    const name = `${key.bucket}\n${key.key}`
    if (record?.state === 'failed' || record?.state === 'retrying') this.#objects.set(name, { key, record })
    else this.#objects.delete(name)
  }
}

/** The objects that failed or wait for another attempt. */
export async function findUnread(session: Session, place?: S3Place): Promise<UnreadObject[]> {
  const { cluster, codecs } = session
  const unread = new UnreadObjects(place)
  await readTopic(cluster, topics.objects, ({ key, value }) => {
    if (key !== null) unread.hear(codecs.objects.decodeKey(key), value === null ? null : codecs.objects.decodeValue(value))
  })
  return unread.list
}

/** The arrival of another attempt: of the version that the ledger has, so that the record of a failure keeps saying which that was. */
export function retryOf({ key, record: { etag, size, lastModifiedMs } }: UnreadObject): Announcement {
  const version = etag === '' ? { etag: null, size: null, lastModifiedMs: null } : { etag, size, lastModifiedMs }
  return { key, arrival: { ...version, source: 'retry' } }
}

/** Announces objects with the source `retry`: fetch tries them again, whatever became of them. Repeating it does no harm. */
export async function announceRetries(session: Session, objects: readonly UnreadObject[]): Promise<void> {
  const announcer = await openAnnouncer(session, 'retry')
  try {
    await announcer.announce(objects.map(retryOf))
  } finally {
    await announcer.close()
  }
}

/** See the head of this file. */
export const retryCommand: Command = {
  name: 'retry',
  summary: 'read failed objects again, after what was wrong is fixed',
  options: {
    config: configOption,
    prefix: { type: 'string', value: 's3://bucket/prefix', doc: 'only objects there; without s3://bucket/, of any bucket' },
    'dry-run': { type: 'boolean', doc: 'only say which objects these are' },
  },
  details: 'Also hurries objects that wait for their next attempt. Fetch must run, or is to be started, to read them.',
  async run({ values, signal }) {
    const prefix = values['prefix'] as string | undefined
    const place = prefix === undefined ? undefined : parsePlace(prefix, 'retry')
    const session = await openSession({ file: values['config'] as string | undefined }, signal)
    try {
      const unread = await findUnread(session, place)
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
