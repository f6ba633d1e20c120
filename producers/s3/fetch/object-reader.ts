/** Reads one object version: text, header line, blocks, dead letters; commits the progress of a large one chunk by chunk. */
import type { S3Settings } from '../settings.ts'
import { FlowError } from '../../../runtime/errors.ts'
import type { OutRecord } from '../../../runtime/records.ts'
import type { TaskContext } from '../../../runtime/task.ts'
import type { ObjectKey, ObjectLedger } from '../../../schemas/records.ts'
import { rawLineHeaders } from '../../../schemas/topics.ts'
import { columnWarning, nameHints } from '../text/column-names.ts'
import { LineCutter, type Piece } from '../text/line-blocks.ts'
import type { ObjectSource } from './object-source.ts'
import { nothingStaged, type DeadRecord, type Outbox, type Staged } from './outbox.ts'
import { isOwn, TextMemory } from '../text/text-memory.ts'
import { plural } from '../../../runtime/counted.ts'

/** One reading of one object version. */
export class ObjectReader {
  readonly #context: TaskContext
  readonly #settings: S3Settings
  readonly #outbox: Outbox
  readonly #key: ObjectKey
  readonly #linesKey: Buffer
  readonly #headers: Record<string, string>
  #committed: ObjectLedger
  #record: ObjectLedger
  #staged: Staged = nothingStaged()
  #stored = 0

  /**
   * @param record Version and progress to resume from; its `etag` is that of the body.
   * @param named Headers that the source of the object gives each of its records.
   */
  constructor(
    context: TaskContext,
    settings: S3Settings,
    outbox: Outbox,
    key: ObjectKey,
    record: ObjectLedger,
    named: Readonly<Record<string, string>> = {},
  ) {
    this.#context = context
    this.#settings = settings
    this.#outbox = outbox
    this.#key = key
    this.#linesKey = context.codecs.rawLines.encodeKey(key)
    this.#committed = record
    this.#record = { ...record, state: 'reading', retryAtMs: null, errorCode: null, errorDetail: null }
    this.#headers = { ...named, [rawLineHeaders.etag]: record.etag, [rawLineHeaders.objectId]: record.objectId.toString('hex') }
    if (record.lastModifiedMs !== null) this.#headers[rawLineHeaders.lastModified] = String(record.lastModifiedMs)
  }

  /** Version and progress as of the last commit: what a failed attempt leaves behind. */
  get committed(): ObjectLedger {
    return this.#committed
  }

  /**
   * Reads to the end. Text that was published before and comes again is skipped: the same version has the same bytes.
   *
   * @param source Text of the version, made for the progress of the record.
   * @returns False if the process is to stop before the end; the last commit is the place to resume from.
   * @throws FlowError OBJECT_BROKEN, OBJECT_FORMAT, OBJECT_NOT_TEXT, OBJECT_EMPTY, OBJECT_NO_HEADER, S3_UNAVAILABLE; nothing of what is not committed is published then.
   */
  async read({ chunks, skip: read, streamed, isHeader, header: configured, mayBeEmpty }: ObjectSource): Promise<boolean> {
    const { chunkBytes } = this.#settings
    const record = this.#record
    record.header ??= configured
    if (record.header !== null) this.#warnOfColumns(record.header)
    const cutter = new LineCutter(this.#settings, isHeader, { line: record.nextLine, header: record.header })
    this.#stored = record.size
    const memory = new TextMemory()
    let skip = read
    for await (const chunk of chunks) {
      if (Buffer.isBuffer(chunk)) memory.add(chunk)
      const before = Math.min(skip, chunk.length)
      skip -= before
      if (before < chunk.length)
        for (const piece of Buffer.isBuffer(chunk) ? cutter.push(chunk.subarray(before)) : cutter.dead(chunk)) {
          this.#take(piece)
          if (this.#staged.textBytes >= chunkBytes || (streamed && this.#outbox.isFull(this.#staged.textBytes, this.#staged.rows)))
            await this.#commitChunk()
          else await this.#outbox.pack(this.#staged)
        }
      await this.#outbox.retire(this.#staged, memory.read(cutter.heldBytes))
      if (this.#context.signal.aborted) return false
    }
    if (skip > 0)
      throw new FlowError('OBJECT_BROKEN', {
        ...this.#key,
        detail: `it ends ${plural(skip, 'byte')} before the place that was read before`,
      })
    for (const piece of cutter.end()) this.#take(piece)
    await this.#outbox.retire(this.#staged, memory.read(0))
    if (record.lines === record.headerLines + record.blankLines) {
      if (record.headerLines === 0 && !mayBeEmpty)
        throw new FlowError('OBJECT_EMPTY', {
          ...this.#key,
          detail: `${plural(this.#stored, 'byte')} as stored, ${plural(record.lines, 'line')}, all blank`,
        })
      if (record.headerLines === 0) record.warning = 'no lines'
    }
    await this.#stage({ ...record, state: 'done' })
    if (record.warning !== null)
      this.#context.log.warn({ ...this.#key, warning: record.warning }, 'an object was read, but its records lack something')
    return true
  }

  #warnOfColumns(header: string): void {
    this.#record.warning ??= columnWarning(header, this.#record.slotStart !== null) ?? null
  }

  async #commitChunk(): Promise<void> {
    await this.#stage({ ...this.#record })
    await this.#outbox.flush()
  }

  async #stage(record: ObjectLedger): Promise<void> {
    this.#staged.storedBytes = record.state === 'done' ? this.#stored : 0
    await this.#outbox.add(this.#key, this.#staged, record)
    this.#staged = nothingStaged()
    this.#committed = record
  }

  #take(piece: Piece): void {
    const record = this.#record
    switch (piece.kind) {
      case 'foreign':
        throw new FlowError('OBJECT_NO_HEADER', { ...this.#key, detail: noHeader(piece.head.toString('latin1')) })
      case 'blank':
        record.blankLines += piece.lines
        break
      case 'header':
        record.header = piece.text
        record.headerLines++
        // what was said of the configured format, which no line has
        if (record.lines === record.blankLines) record.warning = null
        this.#warnOfColumns(piece.text)
        this.#headers[rawLineHeaders.header] = piece.text
        break
      case 'block':
        record.blankLines += piece.blankLines
        this.#staged.lines.push(this.#rawLines(piece))
        this.#staged.openBytes += piece.textBytes
        if (isOwn(piece.bytes)) this.#staged.memory.push(piece.bytes)
        break
      case 'long':
      case 'dead':
        record.deadLines++
        this.#staged.deadLetters.push(this.#deadLetter(piece))
        break
    }
    record.lines += piece.lines
    record.nextLine += piece.lines
    record.textBytes += piece.textBytes
    this.#staged.rows += piece.lines
    this.#staged.textBytes += piece.textBytes
    this.#outbox.begin()
  }

  #rawLines(piece: Piece & { kind: 'block' }): OutRecord {
    const headers = {
      ...this.#headers,
      [rawLineHeaders.header]: this.#record.header ?? '',
      [rawLineHeaders.firstLine]: String(piece.line),
      [rawLineHeaders.lines]: String(piece.lines),
    }
    return { key: this.#linesKey, value: piece.bytes, headers }
  }

  #deadLetter(piece: Piece & { kind: 'long' | 'dead' }): DeadRecord {
    const { deadLetters } = this.#context.codecs
    const { objectId, etag, header } = this.#record
    const { line, length, sha256, head, reason } = piece
    const detail =
      reason === 'line-too-long'
        ? `${length} bytes; at most ${this.#settings.maxLineBytes} are read`
        : `${plural(length, 'byte')} in the place of a document`
    return {
      reason,
      key: deadLetters.encodeKey(this.#key),
      value: deadLetters.encodeValue({
        etag,
        objectId,
        line,
        stage: 'fetch',
        reason,
        detail,
        header,
        bytes: head,
        length,
        sha256,
        attempt: 0,
      }),
    }
  }
}

/** How an object begins that has no header line; with the names that were meant, where it has names. */
function noHeader(head: string): string {
  const line = head.split(/\r?\n/, 1)[0]!
  const hints = nameHints(line.trim().split(/ +/))
  return [JSON.stringify(head.slice(0, 80)), ...hints].join('; ')
}
