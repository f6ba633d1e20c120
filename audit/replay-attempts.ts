/** Which dead letters still stand: the newest attempt of every line that was sent back to `raw-lines`. */
import type { Codecs } from '../runtime/avro.ts'
import type { Cluster } from '../runtime/kafka/cluster.ts'
import { readTopic } from '../runtime/kafka/topic-reader.ts'
import type { DeadLetter } from '../schemas/records.ts'
import { topics } from '../schemas/topics.ts'

/** A line of an object version. */
export type LineOf = Pick<DeadLetter, 'objectId' | 'line'>

/** Text that is equal for equal lines: object version id and line. */
export const lineText = ({ objectId, line }: LineOf): string => `${objectId.toString('hex')}:${line}`

/** The newest attempt of each line that was sent back. Some 100 bytes for each such line. */
export class ReplayAttempts {
  readonly #attempts = new Map<string, number>()

  /** How often a line was sent back. */
  of(line: LineOf): number {
    return this.#attempts.get(lineText(line)) ?? 0
  }

  /** Notes that a line was sent back for the n-th time. */
  note(line: LineOf, attempt: number): void {
    this.#attempts.set(lineText(line), Math.max(attempt, this.of(line)))
  }

  /** True if nobody sent the line back since it was refused. */
  isOpen(letter: LineOf & Pick<DeadLetter, 'attempt'>): boolean {
    return letter.attempt >= this.of(letter)
  }
}

/** Reads `dead-letter-replays` to its end. */
export async function readReplays(cluster: Cluster, codecs: Codecs): Promise<ReplayAttempts> {
  const replays = new ReplayAttempts()
  await readTopic(cluster, topics.deadLetterReplays, ({ key, value }) => {
    if (key !== null && value !== null)
      replays.note(codecs.deadLetterReplays.decodeKey(key), codecs.deadLetterReplays.decodeValue(value).attempt)
  })
  return replays
}
