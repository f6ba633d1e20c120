/** Uploads generated objects. */
import { sumManifests, type Manifest, type SyntheticObject } from './generate-objects.ts'

/** Stores one object. */
export type PutObject = (key: string, body: Buffer, bucket: string | undefined) => Promise<void>

/**
 * Uploads objects, some at a time; the generator goes on only as fast as the uploads.
 *
 * @param put Stores one object; its rejection ends the upload.
 * @param concurrency Uploads in flight.
 * @returns Number of objects and the sum of their manifests.
 */
export async function uploadObjects(
  put: PutObject,
  objects: Iterable<SyntheticObject>,
  concurrency = 8,
): Promise<{ objects: number; manifest: Manifest }> {
  const manifests: Readonly<Manifest>[] = []
  const iterator = objects[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
      const { key, body, bucket, manifest } = next.value
      await put(key, body, bucket)
      manifests.push(manifest)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
  return { objects: manifests.length, manifest: sumManifests(manifests) }
}
