/**
 * Who had an address in a second, worked out from the records that show its owners, second by second (docs/decisions/0022-holder-of-an-address.md).
 * Nothing here comes from the product.
 */

/** Somebody (interface and instance) is seen with an address in whole seconds `first` to `last`. */
export interface Seen {
  who: string
  first: number
  last: number
}

/** Those who may be seen: two of them are one interface that moves between instances. */
export const owners = ['eni-a i-1', 'eni-a i-2', 'eni-b i-3'] as const

/** Seconds without a record after which somebody no longer counts as held. */
export const held = 600

/** Whether a record shows somebody in a second. */
export const isSeen = (seen: readonly Seen[], who: string, s: number): boolean =>
  seen.some(e => e.who === who && e.first <= s && s <= e.last)
/** Last second in which somebody was seen, at or before one. */
export const lastOf = (seen: readonly Seen[], who: string, t: number): number =>
  Math.max(...seen.filter(e => e.who === who && e.first <= t).map(({ last }) => Math.min(last, t)))
/** First second after one in which somebody is seen. */
export const nextOf = (seen: readonly Seen[], who: string, t: number): number =>
  Math.min(...seen.filter(e => e.who === who && e.last > t).map(({ first }) => Math.max(first, t + 1)))

/** Stays of an owner: at most 600 seconds in a row without it belong to them. */
export function staysOf(seen: readonly Seen[], who: string): [number, number][] {
  const stays: [number, number][] = []
  for (const { first, last } of seen.filter(e => e.who === who).sort((a, b) => a.first - b.first)) {
    const end = stays.at(-1)
    if (end !== undefined && first - end[1] - 1 <= held) end[1] = Math.max(end[1], last)
    else stays.push([first, last])
  }
  return stays
}

/** Who has the address in a second by decision 0022: the stay that began last, of two the greater id. */
function conventionAt(seen: readonly Seen[], s: number): string | undefined {
  const here = owners.flatMap(who => staysOf(seen, who).filter(([a, b]) => a <= s && s <= b).map(([a]) => ({ who, a }))) // prettier-ignore
  return here.sort((x, y) => y.a - x.a || (x.who < y.who ? 1 : -1))[0]?.who
}

/** Who is to be named, and since when that owner has it without another one between; undefined: nobody was seen yet. */
export function truth(
  seen: readonly Seen[],
  t: number,
): { who: string; tie: boolean; state: 'held' | 'last-known'; isGap: boolean } | undefined {
  const lasts = owners.map(who => ({ who, last: lastOf(seen, who, t) })).filter(({ last }) => last > -Infinity)
  if (lasts.length === 0) return undefined
  const newest = Math.max(...lasts.map(({ last }) => last))
  const atNewest = lasts.filter(({ last }) => last === newest)
  let s = t
  while (conventionAt(seen, s) === undefined) s--
  const convention = conventionAt(seen, s)!
  if (newest + held < t) return { who: convention, tie: false, state: 'last-known', isGap: false }
  let from = s
  while (conventionAt(seen, from - 1) === convention) from--
  const isGap = lastOf(seen, convention, t) < from
  if (!isGap) return { who: convention, tie: false, state: 'held', isGap }
  return { who: atNewest[0]!.who, tie: atNewest.length > 1, state: 'held', isGap }
}

/** The others whose stays cover a second, or end in the one in which somebody was last seen: who of them has the address then, the map cannot know. */
export const stayBeside = (seen: readonly Seen[], who: string, t: number): string[] =>
  owners.filter(
    o => o !== who && (staysOf(seen, o).some(([a, b]) => a <= t && t <= b) || (lastOf(seen, o, t) === lastOf(seen, who, t) && t - lastOf(seen, o, t) <= held)),
  ) // prettier-ignore

/** Longest pause between two records of one that is there all the time: two intervals of a minute. */
const pauseS = 120
/** The others that records show to be there while somebody is: in its last second, or before and after the time asked with no more than a pause between. */
export const shownBeside = (seen: readonly Seen[], who: string, t: number): string[] =>
  owners.filter(o => o !== who && (lastOf(seen, o, t) === lastOf(seen, who, t) || nextOf(seen, o, t) - lastOf(seen, o, t) - 1 <= pauseS))

/** Whether the stays of two owners overlap that have to do with a second: only then an answer may be ambiguous. */
export const overlaps = (seen: readonly Seen[]): boolean =>
  owners.some((a, i) =>
    owners.slice(i + 1).some(b => staysOf(seen, a).some(([f, l]) => staysOf(seen, b).some(([g, m]) => f <= m && g <= l))),
  )
