/**
 * Worlds of one interface in one flow log, window by window, whose objects never came at random: several objects a slot, and others of the same
 * slots that have other interfaces. The model says which seconds are hidden; it shares no code with the product. Times are Unix seconds.
 */
import { worldStart, type PlantedObject, type PlantedRecord, type PlantedRow } from './planted-logs.ts'

const slots = 42
const slotS = 300

/** How much an interface has to say: nothing; many flows a window; one or two short ones in most windows. */
export type Traffic = 'quiet' | 'busy' | 'sparse'

/** A world and what is hidden in it. */
export interface WindowWorld {
  readonly seed: number
  readonly eni: string
  readonly interface: number
  readonly flowLogs: readonly string[]
  readonly traffic: Traffic
  readonly rows: readonly PlantedRow[]
  readonly deadLetters: readonly PlantedRow[]
  readonly objects: readonly PlantedObject[]
  /** Every object came. */
  readonly isWhole: boolean
  /** One window length throughout. */
  readonly windowS: number | null
  /** Seconds to ask for: random ones, those in the middle, and those that are hidden. */
  readonly asked: readonly number[]
  /** True if a record of that second never came, and no record of its window did: with one, nobody could tell. */
  isHidden(at: number): boolean
  readonly story: string
}

/** Numbers from 0 to 1, always the same for a seed. */
function randomOf(seed: number): () => number {
  let state = (seed * 747796405 + 2891336453) >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    let word = Math.imul(state ^ (state >>> 16), 0x45d9f3b)
    word = Math.imul(word ^ (word >>> 16), 0x45d9f3b)
    return ((word ^ (word >>> 16)) >>> 0) / 4294967296
  }
}

interface Window {
  readonly records: readonly PlantedRecord[]
  came: number
}

/** Plants the world of a seed. */
export function plantWindows(seed: number): WindowWorld {
  const random = randomOf(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const pick = <T>(values: readonly T[]): T => values[below(values.length)]!
  const traffic = pick<Traffic>(['quiet', 'busy', 'sparse'])
  const windowS = pick([60, 600])
  // the interface moves to an instance with short windows, or away from it
  const moves = random() < 0.25 ? worldStart + slotS * 8 + below(slotS * 14) : null
  const unsaid = pick([0, 1, 2])
  const isWhole = random() < 0.3
  const lossRate = isWhole ? 0 : pick([0.05, 0.2, 0.4])
  // which object of a slot a record is in: of the interface; of the window; of the record alone
  const division = pick(['interface', 'window', 'record'] as const)
  const objectsASlot = 1 + below(3)

  const windows: Window[] = []
  const end = worldStart + slots * slotS
  let length = windowS
  for (let start = worldStart - below(windowS); start < end; start += length) {
    if (moves !== null && start >= moves) length = windowS === 60 ? 600 : 60
    // the last seconds of a window have no packet, or the record does not say so
    const last = start + length - 1 - unsaid
    const flows = traffic === 'quiet' ? 0 : traffic === 'sparse' ? below(3) : 1 + below(6)
    const records = Array.from({ length: flows }, (_unused, port): PlantedRecord => {
      const isThroughout = traffic === 'busy' && (port === 0 || random() < 0.3)
      const first = isThroughout ? start + below(3) : start + below(length - unsaid)
      const lasts = isThroughout ? last - first - below(3) : Math.min(below(20), last - first)
      return { action: 'ACCEPT', unclear: false, start: first, end: first + Math.max(lasts, 0), port: 1000 + port, bytes: 100 }
    })
    const none: PlantedRecord = { action: 'ACCEPT', unclear: false, start, end: last, port: null, bytes: 0 }
    windows.push({ records: flows === 0 ? [none] : records, came: 0 })
  }

  let nextId = 900_000_000 + seed * 10_000
  const flowLog = `fl-windows-${seed}`
  const objects: PlantedObject[] = []
  const rows: PlantedRow[] = []
  const lost: { record: PlantedRecord; window: Window }[] = []
  const put = (slot: number, lines: number): number => {
    const objectId = ++nextId
    objects.push({ bucket: 'logs', key: `AWSLogs/${flowLog}_${slot}_${objectId}.log.gz`, objectId, flowLog, slot, state: 'done', lines: lines + 1, headerLines: 1, size: 100 + objectId, header: 'interface-id a b', warning: '', version: objectId, uploaded: slot + 400 }) // prettier-ignore
    return objectId
  }
  for (let slot = worldStart - slotS; slot < end + 600; slot += slotS) {
    // an object of other interfaces, which comes
    put(slot, 0)
    const inSlot = windows.flatMap(window => window.records.filter(record => record.end >= slot && record.end < slot + slotS).map(record => ({ record, window }))) // prettier-ignore
    const ofInterface = below(objectsASlot)
    const ofWindow = new Map<Window, number>()
    const parts = Map.groupBy(inSlot, ({ window }) => {
      if (division === 'interface') return ofInterface
      if (division === 'record') return below(objectsASlot)
      if (!ofWindow.has(window)) ofWindow.set(window, below(objectsASlot))
      return ofWindow.get(window)!
    })
    for (const part of parts.values()) {
      // what is before and behind is there: the interface is known
      const isAway = random() < lossRate && slot >= worldStart + 2 * slotS && slot < end - 3 * slotS
      if (isAway) lost.push(...part)
      else {
        const objectId = put(slot, part.length)
        part.forEach(({ record, window }, i) => {
          rows.push({ objectId, line: i + 2, record })
          window.came++
        })
      }
    }
  }
  const hidden = lost.filter(({ window }) => window.came === 0).map(({ record }) => record)
  // an hour is before and behind, for what the records there tell
  const anywhere = Array.from({ length: 12 }, () => worldStart + 12 * slotS + below((slots - 26) * slotS))
  const atHidden = hidden.flatMap(({ start, end: last }) => [start, last, start + below(last - start + 1)])
  return {
    seed,
    eni: `eni-windows-${seed}`,
    interface: 900_000_000 + seed,
    flowLogs: [flowLog],
    traffic,
    rows,
    deadLetters: [],
    objects,
    isWhole: lost.length === 0,
    windowS: moves === null ? windowS : null,
    asked: [...anywhere, ...atHidden.filter(at => at < worldStart + (slots - 4) * slotS)],
    isHidden: at => hidden.some(({ start, end: last }) => start <= at && at <= last),
    story: `${traffic}, windows of ${windowS} s${moves === null ? '' : `, others from minute ${(moves - worldStart) / 60}`}, ${objectsASlot} objects a slot, divided by ${division}, ${lost.length} records lost, ${hidden.length} hidden`,
  }
}
