/** Dictionary of class fragments: the low-cardinality fields of a flow, some tens to hundreds of combinations. */
import type { FlowRecord } from '../../../schemas/flow-types.ts'
import { absentBits } from './absent-bits.ts'
import { AvroCursor } from './avro-cursor.ts'
import { SpanDictionary } from './span-dictionary.ts'
import type { TextTable } from './text-table.ts'

const actions = { ACCEPT: 1, REJECT: 2 } as const
const statuses = { OK: 1, NODATA: 2, SKIPDATA: 3 } as const
const directions = { ingress: 1, egress: 2 } as const

/** Values of one combination, as the columns hold them. Texts are numbers of the text table. */
export interface FlowClass {
  readonly version: number
  readonly logStatus: number
  readonly action: number
  readonly flowDirection: number
  readonly protocol: number
  readonly tcpFlags: number
  readonly type: number
  readonly trafficPath: number
  readonly srcService: number
  readonly dstService: number
  readonly rejectReason: number
  readonly encryption: number
  readonly absent: number
}

/**
 * Bytes of a class that are hashed: as many as every class has, so that it needs not be read field by field (which takes four times as
 * long as the rest of a look-up). Where one is shorter than the narrowest window, all are read field by field.
 */
const widestWindow = 32
const narrowestWindow = 20

/** See the head of this file. An entry is read from the whole decoded record: it is rare, and so one reader of Avro less. */
export class ClassDictionary {
  readonly #spans = new SpanDictionary()
  classes: FlowClass[] = []
  /** Values that no column can hold, since the beginning. */
  unfit = 0
  #window = widestWindow
  readonly #texts: TextTable

  constructor(texts: TextTable) {
    this.#texts = texts
  }

  get size(): number {
    return this.#spans.size
  }

  /** Passes over the fragment at the cursor. @returns Its number, or -1: `add` it then. */
  find(cursor: AvroCursor): number {
    const start = cursor.at
    const found = this.#spans.findPrefix(cursor.bytes, cursor.view, start, hashClass(cursor, this.#window))
    if (found >= 0) cursor.at = start + this.#spans.lengthOf(found)
    else {
      cursor.at = start
      skipClass(cursor)
    }
    return found
  }

  /** Adds the fragment that `find` has just passed over. */
  add(cursor: AvroCursor, start: number, record: FlowRecord): number {
    const texts = this.#texts
    this.classes.push({
      version: this.#fit(record.version, 255) ?? 0,
      logStatus: record.logStatus === null ? 0 : statuses[record.logStatus],
      action: record.action === null ? 0 : actions[record.action],
      flowDirection: record.flowDirection === null ? 0 : directions[record.flowDirection],
      protocol: this.#fit(record.protocol, 255) ?? 0,
      tcpFlags: this.#fit(record.tcpFlags, 65_535) ?? 0,
      type: texts.idOfText(record.type),
      trafficPath: this.#fit(record.trafficPath, 255) ?? 0,
      srcService: texts.idOfText(record.pktSrcAwsService),
      dstService: texts.idOfText(record.pktDstAwsService),
      rejectReason: texts.idOfText(record.rejectReason),
      encryption: this.#fit(record.encryptionStatus, 255) ?? 0,
      absent:
        (fits(record.protocol, 255) ? 0 : absentBits.protocol) |
        (fits(record.tcpFlags, 65_535) ? 0 : absentBits.tcpFlags) |
        (fits(record.encryptionStatus, 255) ? 0 : absentBits.encryption),
    })
    const end = cursor.at
    if (end - start < this.#window) this.#narrow(end - start)
    cursor.at = start
    const entry = this.#spans.add(cursor.bytes, start, end, hashClass(cursor, this.#window))
    cursor.at = end
    return entry
  }

  clear(): void {
    this.#spans.clear()
    this.#window = widestWindow
    this.classes = []
  }

  /** A shorter class than any before: hashes all again over fewer bytes. Numbers stay. */
  #narrow(length: number): void {
    const all = Array.from({ length: this.#spans.size }, (_, entry) => this.#spans.bytesOf(entry).slice())
    this.#window = length < narrowestWindow ? 0 : length & ~3
    this.#spans.clear()
    for (const bytes of all) this.#spans.add(bytes, 0, bytes.length, hashClass(new AvroCursor(bytes), this.#window))
  }

  #fit(value: number | null, most: number): number | null {
    if (fits(value, most)) return value
    if (value !== null) this.unfit++
    return null
  }
}

/** Moves the cursor, where the window is 0. */
function hashClass(cursor: AvroCursor, window: number): number {
  if (window === 0) {
    skipClass(cursor)
    return cursor.hash
  }
  const { view, at } = cursor
  let hash = 0
  for (let i = at; i < at + window; i += 4) hash = Math.imul(hash ^ (hash >>> 15) ^ view.getInt32(i), 0x9e3779b1)
  return hash ^ (hash >>> 15)
}

function skipClass(cursor: AvroCursor): void {
  cursor.hash = 0
  cursor.skipLong() // version
  cursor.skipLong() // log status
  cursor.skipLong() // action
  cursor.skipLong() // flow direction
  cursor.skipLong() // protocol
  cursor.skipTexts(1)
  cursor.skipLong() // TCP flags
  cursor.skipTexts(2) // their names, type
  cursor.skipLong() // traffic path
  cursor.skipTexts(3) // services, reject reason
  cursor.skipLong() // encryption
}

const fits = (value: number | null, most: number): boolean => value !== null && value >= 0 && value <= most
