/** Puts the objects of the demo into its bucket. */
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { uploadObjects } from '../../producers/synthetic/upload-objects.ts'
import { demoObjects, type DemoObject } from './demo-objects.ts'

const demoBucket = 'flow-logs'

/** Objects that are being put. */
export interface Upload {
  readonly done: Promise<void>
  objects: number
}

/** Puts the objects, several at a time. */
export function upload(s3Endpoint: string, records: number, signal: AbortSignal): Upload {
  const client = new S3Client({
    endpoint: s3Endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })
  const state = { objects: 0 }
  const put = async ({ key, body }: DemoObject): Promise<void> => {
    await client.send(new PutObjectCommand({ Bucket: demoBucket, Key: key, Body: body }))
    state.objects++
  }
  const run = async (): Promise<void> => {
    await client.send(new CreateBucketCommand({ Bucket: demoBucket })).catch((error: unknown) => {
      if ((error as Error).name !== 'BucketAlreadyOwnedByYou') throw error
    })
    await uploadObjects(put, demoObjects(Math.floor(Date.now() / 1000), records), { concurrency: 4, signal })
  }
  return Object.assign(state, { done: run() })
}
