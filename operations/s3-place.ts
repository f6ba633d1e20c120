/** Places in S3: a bucket and the beginning of keys, or the beginning of keys of any bucket. */
import type { ObjectKey } from '../schemas/records.ts'

/** A place. */
export interface S3Place {
  /** Undefined: any. */
  readonly bucket: string | undefined
  /** Keys begin so. */
  readonly prefix: string
}

/** Every place. */
export const anyPlace: S3Place = { bucket: undefined, prefix: '' }

/** True for an object at a place. */
export const isAt = ({ bucket, prefix }: S3Place, object: ObjectKey): boolean =>
  (bucket === undefined || bucket === object.bucket) && object.key.startsWith(prefix)
