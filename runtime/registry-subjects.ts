/** What the registry client does not offer: the older versions of a subject, and removing subjects that nobody needs any more. */
import type { RegistrySettings } from './settings.ts'
import type { AvroRecord } from '../schemas/avro-types.ts'
import type { WriterSchemas } from './avro.ts'
import { request } from './registry-request.ts'

const subjectPath = (subject: string): string => `/subjects/${encodeURIComponent(subject)}`

/**
 * Id of the newest schema of a subject; undefined if the registry does not know it.
 *
 * @throws FlowError REGISTRY_UNAVAILABLE.
 */
export async function newestSchemaId(settings: RegistrySettings, subject: string): Promise<number | undefined> {
  const response = await request(settings, `${subjectPath(subject)}/versions/latest`)
  return response.ok ? ((await response.json()) as { id: number }).id : undefined
}

/**
 * Loads every version of a subject, so that records of older (and newer) writers can be decoded.
 *
 * @param writers Receives the schemas by id.
 * @throws FlowError REGISTRY_UNAVAILABLE.
 */
export async function learnWriters(settings: RegistrySettings, subject: string, writers: WriterSchemas): Promise<void> {
  const response = await request(settings, `${subjectPath(subject)}/versions`)
  if (!response.ok) return
  for (const version of (await response.json()) as number[]) {
    const answer = await request(settings, `${subjectPath(subject)}/versions/${version}`)
    if (!answer.ok) continue
    const { id, schema } = (await answer.json()) as { id: number; schema: string }
    writers.set(id, JSON.parse(schema) as AvroRecord)
  }
}

/**
 * Deletes a subject with all its versions. @returns False if there was none.
 *
 * @throws FlowError REGISTRY_UNAVAILABLE.
 */
export async function deleteSubject(settings: RegistrySettings, subject: string): Promise<boolean> {
  return (await request(settings, subjectPath(subject), 'DELETE')).ok
}
