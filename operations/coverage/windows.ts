/**
 * Whether a silence of an interface can hide a whole aggregation window. An interface has a record in each window, if only NODATA; so if a
 * window fits into a silence, its records can lie in an object that never came. How long windows are, and at which second they begin, the
 * records around the silence say. Pure; times are Unix seconds.
 */
import type { RecordTimes, Silence } from './silences.ts'

/** The two aggregation intervals that AWS has, seconds. Nitro instances have the short one, whatever the flow log is set to. */
export const [shortWindowS, longWindowS] = [60, 600]

/** What records tell of windows. */
export interface WindowMarks {
  /** NODATA and SKIPDATA records: each is a whole window. By their first second. */
  readonly wholes: readonly RecordTimes[]
  /** First seconds of flows too long for a window of a minute (longRecordS), in their order. */
  readonly longs: readonly number[]
}

/** A record that is longer is of a long window: the times of one of a minute can be a minute late. */
export const longRecordS = 120
/** So far from a time a record still tells of its windows. */
export const tellingS = 3600
/** Windows of one interface begin at the same second of each minute, or each ten minutes, but for so many seconds. */
const jitterS = 5

interface Mark {
  readonly start: number
  readonly isLong: boolean
  /** Of NODATA and SKIPDATA alone: the window begins here. */
  readonly isWhole: boolean
}

/**
 * The silences into which a whole window fits.
 *
 * @param statedS Window that is stated, 60 or 600; null: none, and where records prove nothing it is the short one.
 */
export function hidingSilences(silences: readonly Silence[], { wholes, longs }: WindowMarks, statedS: number | null): Silence[] {
  const marks: Mark[] = [
    ...wholes.map(([first, last]) => ({ start: first, isLong: last - first > longRecordS, isWhole: true })),
    ...longs.map(start => ({ start, isLong: true, isWhole: false })),
  ].sort((a, b) => a.start - b.start)
  const wholeMarks = marks.filter(({ isWhole }) => isWhole)
  return silences.filter(silence => {
    if (secondsIn(silence) < shortWindowS) return false
    const windowS = windowAround(marksAround(silence, marks), statedS)
    return secondsIn(silence) >= windowS && fits(silence, windowS, marksAround(silence, wholeMarks))
  })
}

const secondsIn = ({ after, until }: Silence): number => until - after - 1

type Around = readonly [before: Mark | undefined, behind: Mark | undefined]

/** The nearest marks on both sides of a silence, of those that are near enough to tell. Marks are in the order of their starts. */
function marksAround({ after, until }: Silence, marks: readonly Mark[]): Around {
  let [low, high] = [0, marks.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (marks[middle]!.start <= after) low = middle + 1
    else high = middle
  }
  const [before, behind] = [marks[low - 1], marks[low]]
  return [
    before !== undefined && before.start >= after - tellingS ? before : undefined,
    behind !== undefined && behind.start <= until + tellingS ? behind : undefined,
  ]
}

/** A long window must be proven on both sides: an interface can move to an instance with short ones. A record of a short one outweighs what is stated. */
function windowAround(around: Around, statedS: number | null): number {
  if (statedS === shortWindowS || around.some(mark => mark?.isLong === false)) return shortWindowS
  return around.every(mark => mark !== undefined) ? longWindowS : (statedS ?? shortWindowS)
}

/** False if windows that begin where those on both sides do have none that lies in the silence as a whole. */
function fits(silence: Silence, windowS: number, [before, behind]: Around): boolean {
  if (secondsIn(silence) >= 2 * windowS || before === undefined || behind === undefined) return true
  if (before.isLong !== behind.isLong || before.isLong !== (windowS === longWindowS)) return true
  const apart = (behind.start - before.start + jitterS) % windowS
  if (apart > 2 * jitterS) return true
  return [before, behind].some(({ start }) => {
    const earliest = silence.after + 1 - jitterS
    const begin = earliest + ((((start - earliest) % windowS) + windowS) % windowS)
    return begin + windowS <= silence.until + jitterS
  })
}
