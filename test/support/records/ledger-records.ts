/** The ledger as its topic tells it, for tests without a sink. */
import type { Session } from '../../../operations/session.ts'
import { readTopic } from '../../../runtime/kafka/topic-reader.ts'
import type { DeadLetter, ObjectLedger } from '../../../schemas/records.ts'
import { rawLineHeaders, topics } from '../../../schemas/topics.ts'

/** Every ledger record of every object, oldest first, by object key. */
export async function ledgerRecords({ cluster, codecs }: Session): Promise<Map<string, ObjectLedger[]>> {
  const found = new Map<string, ObjectLedger[]>()
  await readTopic(cluster, topics.objects, ({ key, value }) => {
    if (key === null || value === null) return
    const name = codecs.objects.decodeKey(key).key
    found.set(name, [...(found.get(name) ?? []), codecs.objects.decodeValue(value)])
  })
  return found
}

/** Keys of the objects that were announced. */
export async function announcedKeys({ cluster, codecs }: Session): Promise<Set<string>> {
  const keys = new Set<string>()
  await readTopic(cluster, topics.objectArrivals, ({ key }) => keys.add(codecs.objectArrivals.decodeKey(key!).key))
  return keys
}

/** Lines in raw-lines, by object key. */
export async function publishedLines({ cluster, codecs }: Session): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  await readTopic(cluster, topics.rawLines, ({ key, headers }) => {
    const name = codecs.rawLines.decodeKey(key!).key
    found.set(name, (found.get(name) ?? 0) + Number(headers[rawLineHeaders.lines]))
  })
  return found
}

/** Every dead letter, by object key. */
export async function deadLetters({ cluster, codecs }: Session): Promise<Map<string, DeadLetter[]>> {
  const found = new Map<string, DeadLetter[]>()
  await readTopic(cluster, topics.deadLetters, ({ key, value }) => {
    const name = codecs.deadLetters.decodeKey(key!).key
    found.set(name, [...(found.get(name) ?? []), codecs.deadLetters.decodeValue(value!)])
  })
  return found
}
