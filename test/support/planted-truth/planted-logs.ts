/**
 * Worlds of one interface with its flow logs: what truly happened, what was written, and what became of it. The model says what can be known of
 * them; it shares no code with the product. Times are Unix seconds; a world begins with a whole hour and lasts 12 slots.
 */
import { olderRecords } from './older-records.ts'

/** First second of every world. */
export const worldStart = Date.parse('2026-11-24T10:00:00Z') / 1000
const slotCount = 12
const slotAt = (n: number): number => worldStart + n * 300

/** What became of an object. */
export type Fate =
  'read' | 'failed' | 'undelivered' | 'empty' | 'on-its-way' | 'repeated' | 'dead-line' | 'copied' | 'overwritten' | 'warned'

/** A record as a flow log writes it; port null: NODATA, or (unclear) NODATA or SKIPDATA of a format without log-status. */
export interface PlantedRecord {
  readonly action: PlantedAction
  readonly unclear: boolean
  readonly start: number
  readonly end: number
  readonly port: number | null
  readonly bytes: number
  /** SKIPDATA, of a version that does not count. */
  readonly lost?: true
}

/** What became of a flow in the network. */
export type PlantedAction = 'ACCEPT' | 'REJECT'

/** A row of a table: which object version, which line. */
export interface PlantedRow {
  readonly objectId: number
  readonly line: number
  readonly record: PlantedRecord
}

/** A row of the ledger. */
export interface PlantedObject {
  readonly bucket: string
  readonly key: string
  readonly objectId: number
  readonly flowLog: string
  readonly slot: number
  readonly state: 'done' | 'failed'
  readonly lines: number
  readonly headerLines: number
  readonly size: number
  readonly header: string
  readonly warning: string
  readonly version: number
  readonly uploaded: number
}

/** Counts of one flow log in one slot, as the view `coverage` has them: lines to dead, and repeated, of the versions that count. */
export interface SlotCounts {
  objects: number
  done: number
  failed: number
  empty: number
  copies: number
  replaced: number
  lines: number
  flows: number
  nodata: number
  dead: number
  missing: number
  repeated: number
  warned: number
}

/** Records of an interface, in versions that count. */
export interface RecordedCounts {
  flows: number
  noData: number
  unclear: number
}

/** An object that was announced, or read, of which the tables have nothing yet. */
export interface PlantedWaiting {
  readonly stage: 'announced' | 'read'
  readonly flowLog: string
  readonly slot: number
}

/** A world and what can be known of it. */
export interface World {
  readonly seed: number
  readonly eni: string
  readonly interface: number
  readonly at: number
  readonly rows: readonly PlantedRow[]
  readonly deadLetters: readonly PlantedRow[]
  readonly objects: readonly PlantedObject[]
  readonly waiting: readonly PlantedWaiting[]
  readonly flowLogs: readonly string[]
  /** Slots with objects of each flow log, if it writes all the time and each object comes. */
  readonly slotsIfWhole: readonly number[]
  readonly trueBytes: number
  /** Traffic at the second `at` of which no row is in the table. */
  readonly hidden: boolean
  /** The same of accepted, and of rejected, traffic alone. */
  readonly hiddenActions: Readonly<Record<PlantedAction, boolean>>
  /** Every flow log saw everything, and all of it is in the table. */
  readonly plain: boolean
  /** A flow log saw everything, and all of it is in the table once. */
  readonly hasWhole: boolean
  readonly counts: ReadonlyMap<string, SlotCounts>
  /** By flow log; one without any is not there. */
  readonly recorded: ReadonlyMap<string, RecordedCounts>
  /** Of every flow log, those that touch the second `at`. */
  readonly recordedAt: RecordedCounts
  /** Rows of the interface that do not count. */
  readonly replacedRows: number
  readonly story: string
}

/** Numbers from 0 to 1, always the same for a seed. */
function randomOf(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

interface Log {
  readonly id: string
  readonly windowS: number
  readonly wide: boolean
  /** Its windows begin so long before whole ones, seconds. */
  readonly shiftS: number
  /** Traffic that it is for. */
  readonly records: readonly PlantedAction[]
  readonly hasStatus: boolean
  readonly from: number
  readonly to: number
}

/**
 * Plants the world of a seed.
 *
 * @param kind behind: some of its objects wait; shifted: windows begin within a minute or a half hour, and more objects never come;
 *   halves: traffic is accepted or rejected, flow logs can be for one of them, and some have no log-status, so that lost flows look like none. These are drawn
 *   apart, so that the other worlds stay as they are.
 */
export function plantWorld(seed: number, kind: 'usual' | 'behind' | 'shifted' | 'halves' = 'usual'): World {
  const behind = kind === 'behind'
  const random = randomOf(seed)
  const waits = randomOf(seed + 77_777)
  const shifts = randomOf(seed + 33_333)
  const halves = randomOf(seed + 55_555)
  const versions = randomOf(seed + 99_999)
  const below = (n: number): number => Math.floor(random() * n)
  const chance = (p: number): boolean => random() < p
  const eni = `eni-${seed}`
  // true traffic: bytes by port and minute
  const ports = chance(0.6) ? [22, 443] : [22]
  const bytes = ports.map(() => Array.from({ length: slotCount * 5 }, () => (chance(0.75) ? 100 + below(900) : 0)))
  const actionOf = ports.map((): PlantedAction => (kind === 'halves' && halves() < 0.5 ? 'REJECT' : 'ACCEPT'))
  const trueBytes = bytes.flat().reduce((sum, n) => sum + n, 0)
  const at = slotAt(4) + below(900)

  const logCount = 1 + below(3)
  // nothing else is wrong where objects wait: the tables look whole
  const faulty = chance(0.8) && !behind
  const logs: Log[] = Array.from({ length: logCount }, (_unused, i) => {
    const cut = faulty && chance(0.3) ? below(3) : 0
    const minute = worldStart + (15 + below(30)) * 60
    return {
      id: `fl-${seed}-${'abc'[i]!}`,
      windowS: chance(0.3) ? 600 : 60,
      wide: chance(0.5),
      shiftS: 0,
      records: ['ACCEPT', 'REJECT'],
      hasStatus: true,
      from: cut === 1 ? minute : worldStart,
      to: cut === 2 ? minute : slotAt(slotCount),
    }
  })

  const writing = logs.map((log): Log => {
    if (kind === 'halves') {
      const types = [log.records, log.records, ['ACCEPT'], ['REJECT']] as const
      return { ...log, records: types[Math.floor(halves() * 4)]!, hasStatus: halves() < 0.6 }
    }
    const shiftsS = log.windowS === 60 ? [0, 30] : [0, 300, 420]
    return kind === 'shifted' ? { ...log, shiftS: shiftsS[Math.floor(shifts() * shiftsS.length)]! } : log
  })

  const rows: PlantedRow[] = []
  const deadLetters: PlantedRow[] = []
  const objects: PlantedObject[] = []
  /** Object versions whose rows answers do not count: overwritten, or copies. */
  const uncounted = new Set<number>()
  const waiting: PlantedWaiting[] = []
  const counts = new Map<string, SlotCounts>()
  const whole = new Map<string, boolean>()
  const story: string[] = []
  let nextId = seed * 1000
  for (const log of writing) {
    let isWhole = log.from === worldStart && log.to === slotAt(slotCount)
    story.push(
      `${log.id} ${log.windowS} s ${log.wide ? 'wide' : 'narrow'} ${(log.from - worldStart) / 60}-${(log.to - worldStart) / 60} min ${log.records.join('+')}${log.hasStatus ? '' : ' without status'}${log.shiftS === 0 ? '' : `, ${log.shiftS} s early`}`,
    )
    const bySlot = new Map<number, PlantedRecord[]>()
    for (let window = worldStart - log.shiftS; window < slotAt(slotCount); window += log.windowS) {
      const [first, last] = [Math.max(window, log.from), Math.min(window + log.windowS, log.to)]
      if (first >= last) continue
      const inWindow: PlantedRecord[] = []
      ports.forEach((port, i) => {
        let sum = 0
        // the traffic of a minute passes in its 45th second
        for (let n = 0; n < slotCount * 5; n++)
          if (worldStart + n * 60 + 45 >= first && worldStart + n * 60 + 45 < last) sum += bytes[i]![n]!
        if (sum > 0 && log.records.includes(actionOf[i]!))
          inWindow.push({ start: first, end: last - 1, port, bytes: sum, action: actionOf[i]!, unclear: false })
      })
      // AWS loses the flows of a window, and says so in the status that the format does not have
      if (!log.hasStatus && halves() < 0.15) {
        inWindow.length = 0
        isWhole = false
        story.push(`${log.id} loses minute ${(first - worldStart) / 60}`)
      }
      if (inWindow.length === 0)
        inWindow.push({ start: first, end: last - 1, port: null, bytes: 0, action: 'ACCEPT', unclear: !log.hasStatus })
      const slot = Math.floor((last - 1 - worldStart) / 300)
      bySlot.set(slot, [...(bySlot.get(slot) ?? []), ...inWindow])
    }
    for (const [slot, records] of bySlot) {
      const troubled = faulty && slot >= 3 && slot <= 8 && chance(0.18)
      const fates: readonly Fate[] = [
        'failed',
        'undelivered',
        'empty',
        'on-its-way',
        'repeated',
        'dead-line',
        'copied',
        'overwritten',
        'warned',
      ]
      const drawn: Fate = troubled ? fates[below(fates.length)]! : 'read'
      const fate: Fate = troubled && kind === 'shifted' && shifts() < 0.6 ? 'undelivered' : drawn
      if (fate !== 'read') story.push(`${log.id} slot ${slot} ${fate}`)
      // an object that never came cannot be seen where another one of its slot has the interface
      const halves =
        fate !== 'undelivered' && records.length > 1 && (behind || chance(0.3)) ? [records.slice(0, 1), records.slice(1)] : [records]
      if (fate === 'undelivered') {
        isWhole = false
        continue
      }
      const count: SlotCounts = { objects: 0, done: 0, failed: 0, empty: 0, copies: 0, replaced: 0, lines: 0, flows: 0, nodata: 0, dead: 0, missing: 0, repeated: 0, warned: 0 } // prettier-ignore
      halves.forEach((part, half) => {
        const own: Fate = half === 0 ? fate : 'read'
        if (behind && slot >= 3 && slot <= 9 && waits() < 0.12) {
          const stage = waits() < 0.5 ? 'announced' : 'read'
          waiting.push({ stage, flowLog: log.id, slot: slotAt(slot) })
          story.push(`${log.id} slot ${slot} ${stage} only`)
          isWhole = false
          return
        }
        const name = `${log.id}_${slot}_${half}.log.gz`
        const put = (values: Partial<PlantedObject> = {}): PlantedObject => {
          const object: PlantedObject = {
            bucket: 'logs',
            key: `AWSLogs/${name}`,
            objectId: ++nextId,
            flowLog: log.id,
            slot: slotAt(slot),
            state: 'done',
            lines: part.length + 1,
            headerLines: 1,
            size: 100 + nextId,
            header: log.wide ? 'interface-id a b c d' : 'interface-id a b',
            warning: '',
            version: nextId,
            uploaded: slotAt(slot) + 400,
            ...values,
          }
          objects.push(object)
          return object
        }
        const rowsOf = (object: PlantedObject, from: readonly PlantedRecord[]): void =>
          from.forEach((record, i) => rows.push({ objectId: object.objectId, line: i + 2, record }))
        const store = (object: PlantedObject, from: readonly PlantedRecord[]): void => {
          rowsOf(object, from)
          count.lines += object.lines
          for (const record of from) count[record.port === null && !record.unclear ? 'nodata' : 'flows']++
        }
        // of the versions of a key the newest that is read counts
        const newestFails = own === 'overwritten' && versions() < 0.25
        if (own === 'overwritten') {
          const older = 1 + Math.floor(versions() * 2)
          for (let n = 0; n < older; n++) {
            const isCounted = newestFails && n === older - 1
            const records = olderRecords(part, isCounted, versions)
            const object = put({ lines: records.length + 1, uploaded: slotAt(slot) + 350 + n })
            if (isCounted) store(object, records)
            else {
              rowsOf(object, records)
              uncounted.add(object.objectId)
            }
            count.replaced++
          }
          story.push(`${older} older${newestFails ? ', the newest failed' : ''}`)
        }
        count.objects++
        if (newestFails) {
          // some of it can be in the tables
          const object = put({ state: 'failed', lines: 2 })
          rowsOf(object, part.slice(0, 1))
          uncounted.add(object.objectId)
          count.failed++
          isWhole = false
        } else if (own === 'failed') {
          put({ state: 'failed', lines: 0, headerLines: 0 })
          count.failed++
          isWhole = false
        } else if (own === 'empty') {
          put({ lines: 0, headerLines: 0, size: 0 })
          count.empty++
          isWhole = false
        } else {
          const object = put({ warning: own === 'warned' ? 'no column srcaddr or dstaddr' : '' })
          count.done++
          const lost = own === 'on-its-way' || (own === 'repeated' && chance(0.5)) ? 1 : 0
          const refused = own === 'dead-line' ? 1 : 0
          const kept = part.slice(0, part.length - lost - refused)
          store(object, kept)
          count.missing += lost
          if (refused > 0) {
            deadLetters.push({ objectId: object.objectId, line: part.length + 1, record: part.at(-1)! })
            count.dead++
          }
          if (own === 'repeated' && kept.length > 0) {
            rows.push({ objectId: object.objectId, line: 2, record: kept[0]! })
            count.repeated++
          }
          if (own === 'warned') count.warned++
          if (own === 'copied') {
            const copy = put({ bucket: 'archive', size: object.size, uploaded: object.uploaded + 100 })
            rowsOf(copy, part)
            uncounted.add(copy.objectId)
            count.copies++
          }
          if (lost + refused > 0 || own === 'repeated') isWhole = false
        }
      })
      if (count.objects > 0) counts.set(`${log.id} ${slotAt(slot)}`, count)
    }
    whole.set(log.id, isWhole)
  }
  const minute = Math.floor((at - worldStart) / 60)
  const counted = rows.filter(({ objectId }) => !uncounted.has(objectId))
  const isAt = ({ start, end }: PlantedRecord): boolean => start <= at && at <= end
  const isHidden = (port: number, i: number): boolean =>
    bytes[i]![minute]! > 0 && !counted.some(({ record }) => record.port === port && isAt(record))
  const flowLogOf = new Map(objects.map(({ objectId, flowLog }) => [objectId, flowLog]))
  const byFlowLog = Map.groupBy(counted, ({ objectId }) => flowLogOf.get(objectId)!)
  const hiddenOf = (action: PlantedAction): boolean => ports.some((port, i) => actionOf[i] === action && isHidden(port, i))
  return {
    seed,
    eni,
    interface: seed,
    at,
    rows,
    deadLetters,
    objects,
    waiting,
    flowLogs: logs.map(log => log.id),
    slotsIfWhole: logs.map(log => (slotCount * 300) / Math.max(log.windowS, 300)),
    trueBytes,
    hidden: ports.some(isHidden),
    hiddenActions: { ACCEPT: hiddenOf('ACCEPT'), REJECT: hiddenOf('REJECT') },
    plain: logs.every(log => log.from === worldStart && log.to === slotAt(slotCount)) && story.length === logs.length,
    hasWhole: [...whole.values()].some(Boolean),
    counts,
    recorded: new Map([...byFlowLog].map(([id, those]) => [id, recordedOf(those)])),
    recordedAt: recordedOf(counted.filter(({ record }) => isAt(record))),
    replacedRows: rows.length - counted.length,
    story: story.join('; '),
  }
}

function recordedOf(rows: readonly PlantedRow[]): RecordedCounts {
  const counts = { flows: 0, noData: 0, unclear: 0 }
  for (const { record } of rows) counts[record.unclear ? 'unclear' : record.port === null ? 'noData' : 'flows']++
  return counts
}
