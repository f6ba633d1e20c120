/** A raw-lines record as a block of lines: what its key and headers say. */
import { createHash } from 'node:crypto'
import { FlowError } from '../../runtime/errors.ts'
import type { InRecord } from '../../runtime/records.ts'
import type { Codecs } from '../../runtime/avro.ts'
import { parseObjectName, type ObjectName } from '../../schemas/object-name.ts'
import type { ObjectKey } from '../../schemas/records.ts'
import { rawLineHeaders } from '../../schemas/topics.ts'

/** A block of whole lines of one object. */
export interface RawBlock {
  readonly object: ObjectKey
  /** Key bytes of the object, for the records that keep it. */
  readonly objectName: ObjectName
  readonly bytes: Uint8Array
  /** null: the record does not have one. */
  readonly header: string | null
  readonly etag: string
  readonly objectId: Buffer
  readonly firstLine: number
  /** What the source of the object names: account, region and scope of records that name none themselves. */
  readonly source?: { readonly accountId: string | null; readonly region: string | null; readonly scope: string | null }
  /** Unix seconds of the upload; absent if it is not known. */
  readonly lastModifiedS?: number
  /** n: a refused line that was sent back for the n-th time; 0 or absent: published by fetch. */
  readonly attempt?: number
}

/** First 8 bytes of SHA-256 over bucket, key and ETag, each ended by a newline. */
const idOf = ({ bucket, key }: ObjectKey, etag: string): Buffer =>
  createHash('sha256').update(`${bucket}\n${key}\n${etag}\n`).digest().subarray(0, 8)

function keyOf(record: InRecord, codecs: Codecs): ObjectKey {
  if (record.key === null) return { bucket: '', key: '' }
  try {
    return codecs.rawLines.decodeKey(record.key)
  } catch (error) {
    // a writer schema that is not loaded is a fault of the set-up and must not pass; bytes that are not a key are data
    if (error instanceof FlowError && error.code === 'REGISTRY_SCHEMA_UNKNOWN' && record.key[0] === 0) throw error
    return { bucket: '', key: '' }
  }
}

/**
 * Reads key and headers. What is missing or nonsense gets a value that keeps the lines accounted for: line 1, an id made from key and ETag,
 * no header line.
 *
 * @throws FlowError REGISTRY_SCHEMA_UNKNOWN where the key was written with a schema that is not loaded.
 */
export function readBlock(record: InRecord, codecs: Codecs): RawBlock {
  const text = (name: string): string | undefined => record.headers[name]?.toString('utf8')
  const object = keyOf(record, codecs)
  const etag = text(rawLineHeaders.etag) ?? ''
  const id = text(rawLineHeaders.objectId) ?? ''
  const firstLine = Number(text(rawLineHeaders.firstLine) ?? NaN)
  const attempt = Number(text(rawLineHeaders.attempt) ?? 0)
  const named = (name: string): string | null => {
    const value = text(name)
    return value === undefined || value === '' ? null : value
  }
  const lastModifiedMs = Number(named(rawLineHeaders.lastModified) ?? NaN)
  return {
    object,
    objectName: parseObjectName(object.key),
    bytes: record.value ?? Buffer.alloc(0),
    header: text(rawLineHeaders.header) ?? null,
    etag,
    objectId: /^[0-9a-f]{16}$/i.test(id) ? Buffer.from(id, 'hex') : idOf(object, etag),
    firstLine: Number.isInteger(firstLine) && firstLine >= 1 && firstLine < 2 ** 31 ? firstLine : 1,
    source: {
      accountId: named(rawLineHeaders.accountId),
      region: named(rawLineHeaders.region),
      scope: named(rawLineHeaders.scope),
    },
    ...(Number.isFinite(lastModifiedMs) ? { lastModifiedS: Math.floor(lastModifiedMs / 1000) } : {}),
    attempt: Number.isInteger(attempt) && attempt >= 0 && attempt < 2 ** 31 ? attempt : 0,
  }
}
