/** A ledger entry without content, for tests that need any. */
import type { ObjectLedger } from '../../../schemas/records.ts'

/** An object of no bytes that is done. */
export const emptyLedger: ObjectLedger = {
  objectId: Buffer.alloc(8),
  etag: '',
  size: 0,
  lastModifiedMs: null,
  accountId: null,
  region: null,
  flowLogId: null,
  slotStart: null,
  state: 'done',
  header: null,
  nextLine: 0,
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
