/**
 * The least that a reader of a bucket does: GetObject, gunzip, next. Run as a process of its own by bench/poller.ts.
 *
 * Arguments: endpoint, bucket, objects to warm up with. Prints the CPU seconds that the other objects took and their bytes of text as JSON.
 */
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { gunzipSync } from 'node:zlib'
import { s3Client } from '../harness/s3.ts'

const [endpoint, bucket, warm] = process.argv.slice(2)
const client = s3Client(endpoint!)
const keys: string[] = []
for (let token: string | undefined; ;) {
  const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token }))
  for (const { Key } of page.Contents ?? []) keys.push(Key!)
  token = page.NextContinuationToken
  if (token === undefined) break
}

let textBytes = 0
/** Four at a time, as a task of fetch reads ahead. */
async function read(names: Iterator<string>): Promise<void> {
  for (let next = names.next(); next.done !== true; next = names.next()) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: next.value }))
    textBytes += gunzipSync(await Body!.transformToByteArray()).length
  }
}
const readAll = (some: string[]): Promise<unknown> => {
  const names = some.values()
  return Promise.all(Array.from({ length: 4 }, () => read(names)))
}

await readAll(keys.slice(0, Number(warm)))
textBytes = 0
const before = process.cpuUsage()
await readAll(keys.slice(Number(warm)))
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ cpuSeconds: (user + system) / 1e6, textBytes }))
