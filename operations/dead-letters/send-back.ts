/**
 * Sends dead letters back to `raw-lines`, exactly once.
 *
 * A line keeps its identity: object version id and line number. Its record in `raw-lines` and its record in `dead-letter-replays`, which says
 * which attempt it is, are one transaction. There is one producer behind a fence for the whole deployment, and what was
 * sent before is read after the fence: a command that was killed, or that runs twice at once, can neither lose nor repeat a line.
 */
import { lineText, readReplays, type ReplayAttempts } from '../../audit/replay-attempts.ts'
import { LineCheck } from '../../processors/enrich/line-check.ts'
import { sourceHeaders } from '../../producers/s3/fetch/source-headers.ts'
import { createKafka } from '../../runtime/kafka/client.ts'
import { FencedProducer, fencedError } from '../../runtime/kafka/fenced-producer.ts'
import { partitionOf } from '../../runtime/partition.ts'
import type { OutRecord } from '../../runtime/records.ts'
import { rawLineHeaders, topics, type Topic } from '../../schemas/topics.ts'
import type { Session } from '../session.ts'
import { learnLetterSchemas, objectUri, visitLetters, type Letter, type LetterFilter } from './letters.ts'

/** Points between two calls at which tests kill the process. */
export type SendBackPoint = 'send-back-fenced' | 'send-back-half-sent' | 'send-back-sent' | 'send-back-committed'

/** Why an open dead letter is left as it is. */
export type LeftReason = 'still-refused' | 'cut' | 'no-header' | 'attempts'

/** How to send back. */
export interface SendBackOptions {
  readonly filter: LetterFilter
  /** Also lines that the parser of this version refuses: the roles may run another one. */
  readonly force: boolean
  /** A line that was sent back so often is left. */
  readonly maxAttempts: number
  /** Only say what would be done. */
  readonly dryRun: boolean
  /** Bytes of dead letters that are held at once, and lines of a transaction; tests make them small. */
  readonly passBytes?: number
  readonly transactionLines?: number
  readonly atPoint?: (point: SendBackPoint) => Promise<void> | void
}

/** Dead letters that were left for one reason. */
export interface LeftLetters {
  count: number
  /** The first ones: object and line. */
  readonly examples: string[]
}

/** What was done. */
export interface SendBackReport {
  sent: number
  readonly left: Partial<Record<LeftReason, LeftLetters>>
}

const shownLeft = 5
const defaultPassBytes = 33_554_432
const defaultTransactionLines = 1000

/** Name of the producer: part of its transactional id. */
const producerRole = 'dead-letters'

/** Why a letter is not sent back; undefined if it is. */
function leftReason({ object, letter }: Letter, options: SendBackOptions, check: LineCheck): LeftReason | undefined {
  if (letter.header === null) return 'no-header'
  if (letter.bytes.length !== letter.length) return 'cut'
  if (letter.attempt >= options.maxAttempts) return 'attempts'
  if (!options.force && check.refusal(object.key, letter.header, letter.bytes, letter.line) !== undefined) return 'still-refused'
  return undefined
}

/** Sorts letters into those to send and those to leave; each line once in a run, whatever becomes of it meanwhile. */
class Choice {
  readonly report: SendBackReport = { sent: 0, left: {} }
  readonly #handled = new Set<string>()
  readonly #check = new LineCheck()
  readonly #options: SendBackOptions

  constructor(options: SendBackOptions) {
    this.#options = options
  }

  /** One pass over the topic. @returns Letters to send, and whether more are left for another pass. */
  async next(session: Session, replays: ReplayAttempts): Promise<{ letters: Letter[]; more: boolean }> {
    const letters: Letter[] = []
    const room = this.#options.passBytes ?? defaultPassBytes
    let bytes = 0
    let more = false
    await visitLetters(session, this.#options.filter, entry => {
      if (more || !replays.isOpen(entry.letter)) return
      const text = lineText(entry.letter)
      if (this.#handled.has(text)) return
      if (bytes >= room) {
        more = true
        return
      }
      this.#handled.add(text)
      const reason = leftReason(entry, this.#options, this.#check)
      if (reason !== undefined) {
        this.#leave(entry, reason)
        return
      }
      letters.push(entry)
      bytes += entry.letter.bytes.length + (entry.letter.header?.length ?? 0) + 500
    })
    return { letters, more }
  }

  #leave({ object, letter }: Letter, reason: LeftReason): void {
    const left = (this.report.left[reason] ??= { count: 0, examples: [] })
    left.count++
    if (left.examples.length < shownLeft) left.examples.push(`${objectUri(object)}:${letter.line}`)
  }
}

function* parts<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let start = 0; start < list.length; start += size) yield list.slice(start, start + size)
}

/** One run of the command, with its producer and what it has read. */
class SendBack {
  readonly #session: Session
  readonly #options: SendBackOptions
  readonly #producer: FencedProducer

  constructor(session: Session, options: SendBackOptions) {
    const { config, cluster, log } = session
    this.#session = session
    this.#options = options
    const kafka = createKafka(config.kafka, cluster.groupOf(producerRole), log)
    this.#producer = new FencedProducer(kafka, config.kafka, cluster.transactionalIdOf(producerRole, 0))
  }

  async run(choice: Choice): Promise<void> {
    const { cluster, codecs } = this.#session
    let ended = false
    try {
      await this.#producer.fence()
      await this.#options.atPoint?.('send-back-fenced')
      // Only now: what a predecessor had under way is committed or dropped, and no more can come from it.
      const replays = await readReplays(cluster, codecs)
      for (let more = true; more;) {
        const pass = await choice.next(this.#session, replays)
        for (const letters of parts(pass.letters, this.#options.transactionLines ?? defaultTransactionLines)) {
          await this.#send(letters, replays)
          choice.report.sent += letters.length
        }
        more = pass.more
      }
      ended = true
    } catch (error) {
      throw fencedError(error, '`dead-letters replay`') ?? error
    } finally {
      await this.#producer.close(ended).catch(() => undefined)
    }
  }

  /** One transaction. */
  async #send(letters: readonly Letter[], replays: ReplayAttempts): Promise<void> {
    const { atPoint } = this.#options
    await this.#sendRecords(
      topics.rawLines,
      letters.map(entry => this.#rawLine(entry)),
    )
    await atPoint?.('send-back-half-sent')
    await this.#sendRecords(
      topics.deadLetterReplays,
      letters.map(entry => this.#mark(entry)),
    )
    await atPoint?.('send-back-sent')
    await this.#producer.commit()
    await atPoint?.('send-back-committed')
    for (const { letter } of letters) replays.note(letter, letter.attempt + 1)
  }

  async #sendRecords(topic: Topic, records: readonly OutRecord[]): Promise<void> {
    const { cluster } = this.#session
    const partitions = Map.groupBy(records, ({ key }) => partitionOf(key!, cluster.partitionsOf(topic)))
    for (const [partition, list] of [...partitions].sort(([a], [b]) => a - b))
      await this.#producer.send(cluster.topicName(topic), partition, list)
  }

  #rawLine({ object, letter }: Letter): OutRecord {
    return {
      key: this.#session.codecs.rawLines.encodeKey(object),
      value: Buffer.concat([letter.bytes, Buffer.from('\n')]),
      headers: {
        ...sourceHeaders(this.#session.config.s3.sources, object),
        [rawLineHeaders.header]: letter.header!,
        [rawLineHeaders.etag]: letter.etag,
        [rawLineHeaders.objectId]: letter.objectId.toString('hex'),
        [rawLineHeaders.firstLine]: String(letter.line),
        [rawLineHeaders.lines]: '1',
        [rawLineHeaders.attempt]: String(letter.attempt + 1),
        [rawLineHeaders.refusedBy]: letter.stage,
      },
    }
  }

  #mark({ object, letter }: Letter): OutRecord {
    const { objectId, line, stage, reason, attempt } = letter
    const { deadLetterReplays } = this.#session.codecs
    return {
      key: deadLetterReplays.encodeKey({ ...object, objectId, line }),
      value: deadLetterReplays.encodeValue({ attempt: attempt + 1, stage, reason }),
    }
  }
}

/**
 * Sends the open dead letters that are meant back to `raw-lines`. Memory: one pass of letters, and some 100 bytes for each line looked at.
 *
 * @throws FlowError TASK_FENCED where another process began to do the same; it goes on from what this one committed.
 */
export async function sendBack(session: Session, options: SendBackOptions): Promise<SendBackReport> {
  await learnLetterSchemas(session)
  const choice = new Choice(options)
  if (!options.dryRun) await new SendBack(session, options).run(choice)
  else {
    const replays = await readReplays(session.cluster, session.codecs)
    for (let more = true; more;) {
      const pass = await choice.next(session, replays)
      choice.report.sent += pass.letters.length
      more = pass.more
    }
  }
  return choice.report
}
