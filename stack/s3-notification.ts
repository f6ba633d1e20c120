import { randomUUID } from 'node:crypto'
import type { StoredObject } from './fauxqs-parts.ts'

/** How an object came to be, in S3's words. */
export type CreatedBy = 'Put' | 'Copy' | 'CompleteMultipartUpload'

/**
 * Writes the message that S3 puts into a queue for a new object.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
 */
export function objectCreated(bucket: string, object: StoredObject, createdBy: CreatedBy): string {
  const record = {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    awsRegion: 'us-east-1',
    eventTime: object.lastModified.toISOString(),
    eventName: `ObjectCreated:${createdBy}`,
    s3: {
      s3SchemaVersion: '1.0',
      configurationId: 'local',
      bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
      object: {
        // S3 encodes keys like form fields, but for the slash.
        key: encodeURIComponent(object.key).replaceAll('%2F', '/').replaceAll('%20', '+'),
        size: object.contentLength,
        eTag: object.etag.replaceAll('"', ''),
        sequencer: `${Date.now().toString(16).toUpperCase()}${randomUUID().slice(0, 4).toUpperCase()}`,
      },
    },
  }
  return JSON.stringify({ Records: [record] })
}
