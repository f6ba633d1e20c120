/**
 * What was announced, or read, and is not in the table of objects yet: an answer that rests on the table cannot know of it. Pure; times are Unix
 * seconds.
 */
import { plural } from '../../runtime/counted.ts'
import { clock } from '../../runtime/utc-text.ts'
import { slotSeconds, type ObjectName } from '../../schemas/object-name.ts'
import { slotOf } from './slots.ts'

/** announced: fetch has not read it; read: its record of the ledger is in Kafka, and not in ClickHouse. */
export type WaitingStage = 'announced' | 'read'

/** An object that waits. */
export interface WaitingObject extends ObjectName {
  readonly stage: WaitingStage
  readonly partition: number
}

/** A partition of the announcements or of the ledger. */
export interface WaitingPartition {
  readonly stage: WaitingStage
  readonly partition: number
  /** Records that wait; if it is not `whole`, at most. */
  readonly records: number
  /** Why which objects these are is not known; null: it is. */
  readonly unclear: string | null
}

/** What waits. */
export interface Waiting {
  /** Why nothing is known of it; null: Kafka was asked and answered. */
  readonly unknown: string | null
  /** Partitions of which something waits. */
  readonly partitions: readonly WaitingPartition[]
  /** Objects of the time and the flow logs that are asked for. */
  readonly objects: readonly WaitingObject[]
}

/** Everything that was announced is in the table. */
export const nothingWaits: Waiting = { unknown: null, partitions: [], objects: [] }

/** True if something that was asked for is not in the table, or can be so. */
export const mayWait = (waiting: Waiting): boolean => waiting.objects.length > 0 || generalReasons(waiting).length > 0

/** Which objects matter; empty text and lists: any. */
export interface WaitingScope {
  /** First and last second of the slots. */
  readonly from: number
  readonly to: number
  readonly account: string
  readonly region: string
  readonly flowLogs: readonly string[]
}

/** True for an object of a slot that is asked for. One without a slot in its name stands for no time. */
export function isWaitedFor({ accountId, region, flowLogId, slotStart }: ObjectName, scope: WaitingScope): boolean {
  return (
    slotStart !== null &&
    slotOf(slotStart) + slotSeconds > scope.from &&
    slotOf(slotStart) <= scope.to &&
    (scope.account === '' || scope.account === accountId) &&
    (scope.region === '' || scope.region === region) &&
    (scope.flowLogs.length === 0 || scope.flowLogs.includes(flowLogId ?? ''))
  )
}

const placeOf = ({ stage, partition }: WaitingPartition): string =>
  stage === 'announced' ? `partition ${partition} of the announcements` : `the ledger's partition ${partition}`

const kafkaUnknown = (why: string): string => `whether an object was announced and is not in the table of objects yet is not known: ${why}`

const unclearOf = (part: WaitingPartition): string =>
  `${placeOf(part)} is up to ${plural(part.records, 'record')} behind, of unknown slots: ${part.unclear ?? ''}`

/** What is known of no slot: reasons against every one of them. */
export const generalReasons = ({ unknown, partitions }: Waiting): string[] => [
  ...(unknown === null ? [] : [kafkaUnknown(unknown)]),
  ...partitions.filter(({ unclear }) => unclear !== null).map(unclearOf),
]

/** Why nobody can say that the slots from one to another (its last second) are whole, a line for each reason. */
export function waitingReasons(waiting: Waiting, from: number, to: number): string[] {
  const here = waiting.objects.filter(({ slotStart }) => slotStart !== null && slotOf(slotStart) >= slotOf(from) && slotOf(slotStart) <= to)
  const reasons = generalReasons(waiting)
  const announced = here.filter(({ stage }) => stage === 'announced')
  if (announced.length > 0) reasons.push(`${plural(announced.length, 'announcement')} not read yet: ${slotsText(announced)}`)
  for (const part of waiting.partitions) {
    const read = here.filter(({ stage, partition }) => stage === 'read' && part.stage === stage && part.partition === partition)
    if (read.length > 0)
      reasons.push(`${placeOf(part)} is ${plural(part.records, 'record')} behind in the table of objects: ${slotsText(read)}`)
  }
  return reasons
}

/** Slots of some objects: `fl-a, slot 2026-11-24 10:05:00`. */
export function slotsText(objects: readonly WaitingObject[]): string {
  const names = objects.map(({ flowLogId, slotStart }) => `${flowLogId ?? 'no flow log id'}, slot ${clock(slotOf(slotStart ?? 0))}`)
  const distinct = [...new Set(names)].sort()
  return distinct.length > 3 ? `${distinct.slice(0, 3).join('; ')} and ${distinct.length - 3} more` : distinct.join('; ')
}
