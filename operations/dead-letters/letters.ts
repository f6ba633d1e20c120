/** Reads dead letters from their topic, with what became of each. */
import { lineText, readReplays, type ReplayAttempts } from '../../audit/replay-attempts.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import type { DeadLetter, ObjectKey } from '../../schemas/records.ts'
import { topics } from '../../schemas/topics.ts'
import { anyPlace, isAt, type S3Place } from '../s3-place.ts'
import { learnOlderWriters, type Session } from '../session.ts'

/** A dead letter, where it is from and when it was recorded. */
export interface Letter {
  readonly object: ObjectKey
  readonly letter: DeadLetter
  readonly recordedMs: number
}

/** Which dead letters are meant. */
export interface LetterFilter {
  /** Reasons; empty: any. */
  readonly reasons: readonly string[]
  /** Where their objects are. */
  readonly place: S3Place
  /** Recorded at this time or later, Unix milliseconds. */
  readonly sinceMs: number
}

/** Every dead letter. */
export const anyLetter: LetterFilter = { reasons: [], place: anyPlace, sinceMs: 0 }

/** Name of an object as people write it. */
export const objectUri = ({ bucket, key }: ObjectKey): string => `s3://${bucket}/${key}`

/** True if a dead letter is meant. */
export function matches({ reasons, place, sinceMs }: LetterFilter, { object, letter, recordedMs }: Letter): boolean {
  return (reasons.length === 0 || reasons.includes(letter.reason)) && isAt(place, object) && recordedMs >= sinceMs
}

/** Dead letters are kept for long, also over upgrades. */
export const learnLetterSchemas = (session: Session): Promise<void> =>
  learnOlderWriters(session, [topics.deadLetters, topics.deadLetterReplays])

/** Gives the dead letters that are meant, oldest first within a partition. The visitor keeps what it needs, because the topic may be large. */
export async function visitLetters(session: Session, filter: LetterFilter, visit: (letter: Letter) => void): Promise<void> {
  const { cluster, codecs } = session
  await readTopic(cluster, topics.deadLetters, ({ key, value, timestampMs }) => {
    if (key === null || value === null) return
    const letter = {
      object: codecs.deadLetters.decodeKey(key),
      letter: codecs.deadLetters.decodeValue(value),
      recordedMs: timestampMs,
    }
    if (matches(filter, letter)) visit(letter)
  })
}

/** A dead letter and whether it still stands. */
export interface ListedLetter extends Letter {
  readonly open: boolean
}

/** Dead letters of one reason. */
export interface ReasonSummary {
  readonly reason: string
  /** Lines that are dead letters now. */
  open: number
  /** Refusals that were sent back since. */
  replayed: number
  /** The newest ones, newest first. */
  readonly newest: ListedLetter[]
}

/** How many examples are kept of each reason. */
const examples = 3

/** Counts dead letters by reason. */
export class LetterSummary {
  readonly #reasons = new Map<string, ReasonSummary>()
  readonly #replays: ReplayAttempts
  readonly #all: boolean

  /** @param all Examples may also be ones that were sent back since. */
  constructor(replays: ReplayAttempts, all: boolean) {
    this.#replays = replays
    this.#all = all
  }

  /** Adds one. */
  add(entry: Letter): void {
    const { reason } = entry.letter
    let summary = this.#reasons.get(reason)
    if (summary === undefined) this.#reasons.set(reason, (summary = { reason, open: 0, replayed: 0, newest: [] }))
    const open = this.#replays.isOpen(entry.letter)
    if (open) summary.open++
    else summary.replayed++
    if (!open && !this.#all) return
    summary.newest.push({ ...entry, open })
    summary.newest.sort((a, b) => b.recordedMs - a.recordedMs)
    if (summary.newest.length > examples) summary.newest.pop()
  }

  /** The reasons, the most frequent first. */
  get reasons(): ReasonSummary[] {
    return [...this.#reasons.values()].sort((a, b) => b.open - a.open || b.replayed - a.replayed || (a.reason < b.reason ? -1 : 1))
  }
}

/** Reads and counts. */
export async function summarize(session: Session, filter: LetterFilter, all: boolean): Promise<ReasonSummary[]> {
  await learnLetterSchemas(session)
  const summary = new LetterSummary(await readReplays(session.cluster, session.codecs), all)
  await visitLetters(session, filter, letter => summary.add(letter))
  return summary.reasons
}

/**
 * Every time that a line was refused, oldest first.
 *
 * @param object `s3://bucket/key`, or the object version id.
 */
export async function findLetters(session: Session, object: string, line: number): Promise<ListedLetter[]> {
  await learnLetterSchemas(session)
  const replays = await readReplays(session.cluster, session.codecs)
  const found: Letter[] = []
  await visitLetters(session, anyLetter, entry => {
    if (entry.letter.line === line && (objectUri(entry.object) === object || lineText(entry.letter) === `${object}:${line}`))
      found.push(entry)
  })
  return found.sort((a, b) => a.recordedMs - b.recordedMs).map(entry => ({ ...entry, open: replays.isOpen(entry.letter) }))
}
