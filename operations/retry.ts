/** Another attempt for objects that failed, after a person has fixed what was wrong. */
import type { Announcement } from '../producers/s3/objects/announce-arrivals.ts'
import { readTopic } from '../runtime/kafka/topic-reader.ts'
import type { ObjectKey, ObjectLedger } from '../schemas/records.ts'
import { topics } from '../schemas/topics.ts'
import { openAnnouncer } from './announcer.ts'
import { isAt, type S3Place } from './s3-place.ts'
import type { Session } from './session.ts'

/** An object that is not done, as the ledger has it. */
export interface UnreadObject {
  readonly key: ObjectKey
  readonly record: ObjectLedger
}

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
  observe(key: ObjectKey, record: ObjectLedger | null): void {
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
    if (key !== null) unread.observe(codecs.objects.decodeKey(key), value === null ? null : codecs.objects.decodeValue(value))
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
