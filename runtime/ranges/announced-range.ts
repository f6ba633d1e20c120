/** The stored form of a range: metadata of the position while it is being inserted, and the end of its token. */

/** A range of offsets of one partition, as it is announced before it is inserted. */
export interface AnnouncedRange {
  readonly from: number
  /** Offset after the last one. */
  readonly to: number
  /** `from-to@ms`: what is committed, and the part of the token that says which range it is. */
  readonly text: string
  /** When it was announced, Unix milliseconds; undefined if its text does not say. */
  readonly ms: number | undefined
}

const stored = /^(\d+)-(\d+)(?:@(\d+))?$/

/** A range that is about to be announced. The time makes its token one of this announcement: in a topic made anew the same offsets are other records. */
export const announce = (from: number, to: number, ms: number): AnnouncedRange => ({ from, to, ms, text: `${from}-${to}@${ms}` })

/** The range that a position has pending; undefined if there is none. */
export function pendingRange(metadata: string): AnnouncedRange | undefined {
  const [text, from, to, ms] = stored.exec(metadata) ?? []
  if (text === undefined) return undefined
  return { from: Number(from), to: Number(to), text, ms: ms === undefined ? undefined : Number(ms) }
}

/**
 * The token of a range: the same for each repetition, and no other range has it.
 *
 * @param topic Full name of the input topic.
 * @param rest True if only what the target did not have of a unit is inserted: the target may know the first token, and would drop the rest.
 */
export const tokenOf = (topic: string, partition: number, { text }: AnnouncedRange, rest = false): string =>
  `${topic}:${partition}:${text}${rest ? ':rest' : ''}`
