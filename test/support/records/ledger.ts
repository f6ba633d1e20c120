/** A ledger entry without content, for tests that need any. */
import { freshRecord } from '../../../producers/s3/fetch/fresh-record.ts'
import type { ObjectLedger } from '../../../schemas/records.ts'

/** An object of no bytes that is done. */
export const emptyLedger: ObjectLedger = {
  ...freshRecord({ bucket: '', key: '' }, { etag: '', size: 0, lastModifiedMs: null }),
  objectId: Buffer.alloc(8),
  state: 'done',
  nextLine: 0,
}
