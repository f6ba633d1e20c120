/**
 * What is on its way to the tables that `lookup` asks, and may change its answer: objects and blocks of lines of that UTC day or later, and what
 * stands behind enrich under the address itself.
 */
import { isIPv6, SocketAddress } from 'node:net'
import type { Cluster } from '../runtime/kafka/cluster.ts'
import { parseObjectName } from '../schemas/object-name.ts'
import type { RecordTypes } from '../schemas/topics.ts'
import { askOrSay, checkTopics, restOf, type Asked } from './rest-of-path.ts'

/** The topics on the way, in its order: what is before the position of the reader of one is in the next. */
export const pathSteps = ['objectArrivals', 'rawLines', 'flows', 'ipSightings', 'cloudMapRuns'] as const

/** A topic on the way. */
export type PathStep = (typeof pathSteps)[number]

/** What waits in one topic. */
export interface WaitingStep {
  readonly topic: PathStep
  /** Records that may change the answer. */
  readonly records: number
  /** Records of which nobody knows what they are, at most, and why; null: none. */
  readonly unclear: { readonly records: number; readonly why: string } | null
}

/** What is on its way. */
export interface OnTheWay {
  /** Why nothing is known of it; null: Kafka was asked and answered. */
  readonly unknown: string | null
  /** The topics in which something waits. */
  readonly steps: readonly WaitingStep[]
}

/** Everything that was announced is in the tables. */
export const nothingOnTheWay: OnTheWay = { unknown: null, steps: [] }

/** True if something is on its way, or can be. */
export const mayBeOnTheWay = ({ unknown, steps }: OnTheWay): boolean => unknown !== null || steps.length > 0

/** A block of lines is up to a megabyte, so fewer of them are looked at. */
const mostBlocks = 400
const dayS = 86_400

/** Which keys may change an answer about an address at a time. */
type Matters = { readonly [T in PathStep]: (key: RecordTypes[T][0]) => boolean }

/** One text for each address: IPv6 as short as it can be, IPv4 for an IPv6 address that only carries it. */
function plainAddress(text: string): string {
  if (!isIPv6(text)) return text
  const { address } = new SocketAddress({ address: text, family: 'ipv6' })
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/**
 * Says which records may change an answer.
 *
 * @param ip In any form.
 * @param atS Unix seconds.
 */
export function mattersTo(ip: string, atS: number): Matters {
  // the object of a slot has records that began up to ten minutes before it, so none of them is in an object of the day before
  const from = Math.floor(atS / dayS) * dayS
  const wanted = plainAddress(ip)
  const isAddress = (text: string | null): boolean => text !== null && (text === wanted || (isIPv6(text) && plainAddress(text) === wanted))
  const ofTime = ({ key }: { readonly key: string }): boolean => {
    const { slotStart } = parseObjectName(key)
    return slotStart === null || slotStart >= from
  }
  const ofAddress = (key: { readonly ip: string }): boolean => isAddress(key.ip)
  return {
    objectArrivals: ofTime,
    rawLines: ofTime,
    flows: ({ lowAddr, highAddr }) => isAddress(lowAddr) || isAddress(highAddr),
    ipSightings: ofAddress,
    cloudMapRuns: ofAddress,
  }
}

async function waitingStep<T extends PathStep>(cluster: Cluster, topic: T, matters: Matters[T]): Promise<WaitingStep> {
  let records = 0
  const parts = await restOf(
    cluster,
    topic,
    key => {
      if (matters(key)) records++
    },
    topic === 'rawLines' ? mostBlocks : undefined,
  )
  const unclear = parts.filter(part => part.unclear !== null)
  return {
    topic,
    records,
    unclear: unclear.length === 0 ? null : { records: unclear.reduce((sum, part) => sum + part.records, 0), why: unclear[0]!.unclear! },
  }
}

/**
 * Asks a cluster of its own. To be asked before the tables are.
 *
 * @param ip IPv4 or IPv6 address.
 * @param atS Unix seconds.
 */
export async function askOnTheWay(asked: Asked, ip: string, atS: number): Promise<OnTheWay> {
  const matters = mattersTo(ip, atS)
  const answer = await askOrSay(asked, async cluster => {
    await checkTopics(cluster, pathSteps)
    const steps: WaitingStep[] = []
    // one after the other: what leaves a topic meanwhile is found in the next one
    for (const topic of pathSteps) steps.push(await waitingStep(cluster, topic, matters[topic]))
    return { unknown: null, steps: steps.filter(({ records, unclear }) => records > 0 || unclear !== null) }
  })
  return { steps: [], ...answer }
}
