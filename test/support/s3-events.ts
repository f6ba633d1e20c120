/** Notifications as S3 sends them, for tests. */

/** Of one object; its key is URL-encoded. */
export const record = (bucket: string, key: string, eventName = 'ObjectCreated:Put', eTag?: string): object => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  eventName,
  eventTime: new Date().toISOString(),
  s3: {
    bucket: { name: bucket },
    object: { key: encodeURIComponent(key).replaceAll('%2F', '/'), ...(eTag === undefined ? {} : { eTag }) },
  },
})

/** The body of a message. */
export const event = (...records: object[]): string => JSON.stringify({ Records: records })
