/** The ledger record of a version of which nothing was read yet. */
import { objectIdOf } from '../../../schemas/object-id.ts'
import { parseObjectName } from '../../../schemas/object-name.ts'
import type { ObjectKey, ObjectLedger } from '../../../schemas/records.ts'

/** Makes it. Pure. */
export function freshRecord(key: ObjectKey, version: Pick<ObjectLedger, 'etag' | 'size' | 'lastModifiedMs'>): ObjectLedger {
  return {
    objectId: objectIdOf(key.bucket, key.key, version.etag),
    etag: version.etag,
    size: version.size,
    lastModifiedMs: version.lastModifiedMs,
    ...parseObjectName(key.key),
    state: 'reading',
    header: null,
    nextLine: 1,
    lines: 0,
    headerLines: 0,
    blankLines: 0,
    deadLines: 0,
    textBytes: 0,
    attempts: 0,
    retryAtMs: null,
    errorCode: null,
    errorDetail: null,
    warning: null,
    earlier: [],
  }
}
