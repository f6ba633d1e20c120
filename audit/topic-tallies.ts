/** Counts what the topics hold, by object version, committed records only. */
import type { Codecs } from '../runtime/avro.ts'
import type { Cluster } from '../runtime/kafka/cluster.ts'
import { readTopic } from '../runtime/kafka/topic-reader.ts'
import type { ObjectLedger } from '../schemas/records.ts'
import { readReplays } from './replay-attempts.ts'
import { rawLineHeaders, topics } from '../schemas/topics.ts'
import { addTally, tallyOf, type Tallies } from '../schemas/tally.ts'

/** The ledger as the topics tell it, and the counts. */
export interface TopicTallies {
  readonly tallies: Tallies
  /** Newest ledger entry by object version. */
  readonly ledger: ReadonlyMap<string, ObjectLedger>
}

/**
 * Reads raw-lines, flows, flow-gaps, dead-letters and the ledger from their first record on. A line that was sent back to raw-lines is the same
 * line, and its dead letter no longer counts.
 *
 * @param progress Told which topic is read.
 */
export async function tallyTopics(cluster: Cluster, codecs: Codecs, progress: (text: string) => void): Promise<TopicTallies> {
  const tallies: Tallies = new Map()
  const ledger = new Map<string, ObjectLedger>()
  progress('reading the ledger')
  await readTopic(cluster, topics.objects, record => {
    if (record.value === null) return
    const entry = codecs.objects.decodeValue(record.value)
    ledger.set(entry.objectId.toString('hex'), entry)
  })
  progress('reading raw-lines')
  const published = new Map<string, number>()
  await readTopic(cluster, topics.rawLines, record => {
    if (record.headers[rawLineHeaders.attempt] !== undefined) return
    const id = String(record.headers[rawLineHeaders.objectId])
    published.set(id, (published.get(id) ?? 0) + Number(record.headers[rawLineHeaders.lines]))
  })
  progress('reading flows')
  await readTopic(cluster, topics.flows, record => {
    const flow = codecs.flows.decodeValue(record.value!)
    addTally(tallyOf(tallies, flow.objectId.toString('hex')), { flows: 1, packets: flow.packets ?? 0, bytes: flow.bytes ?? 0 })
  })
  progress('reading flow-gaps')
  await readTopic(cluster, topics.flowGaps, record => {
    const gap = codecs.flowGaps.decodeValue(record.value!)
    addTally(tallyOf(tallies, gap.objectId.toString('hex')), gap.kind === 'NODATA' ? { noData: 1 } : { skipData: 1 })
  })
  progress('reading dead-letters')
  const replays = await readReplays(cluster, codecs)
  await readTopic(cluster, topics.deadLetters, record => {
    const letter = codecs.deadLetters.decodeValue(record.value!)
    if (!replays.isOpen(letter)) return
    addTally(tallyOf(tallies, letter.objectId.toString('hex')), { dead: 1 })
  })
  for (const [id, entry] of ledger) {
    const lines = (published.get(id) ?? 0) + entry.headerLines + entry.deadLines
    addTally(tallyOf(tallies, id), { lines, headers: entry.headerLines, blank: entry.blankLines })
  }
  for (const [id, lines] of published) if (!ledger.has(id)) addTally(tallyOf(tallies, id), { lines })
  return { tallies, ledger }
}
