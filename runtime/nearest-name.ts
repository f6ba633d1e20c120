/** The known name that somebody meant who wrote another one. */

/** Letters and digits alone, in lower case: how names are written (`commit_interval_ms`, `commitIntervalMS`) makes no difference. */
const bare = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/** Edits between two texts: insertions, deletions, replacements and swaps of neighbours. */
function distance(a: string, b: string): number {
  let [before, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_unused, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j]!, before[j - 2]! + 1)
    }
    ;[before, last] = [last, row]
  }
  return last[b.length]!
}

/**
 * Finds the nearest of some names.
 *
 * @returns Undefined if none is near: more than a third of its letters differ (one may always), and the word is not the beginning or the end of just one.
 */
export function nearestName(word: string, names: Iterable<string>): string | undefined {
  const wanted = bare(word)
  const known = [...new Set(names)]
  let [best, fewest]: [string | undefined, number] = [undefined, Infinity]
  for (const name of known) {
    const edits = distance(wanted, bare(name))
    if (edits < fewest) [best, fewest] = [name, edits]
  }
  if (fewest <= 1) return best
  const parts = wanted.length < 4 ? [] : known.filter(name => bare(name).startsWith(wanted) || bare(name).endsWith(wanted))
  if (parts.length === 1) return parts[0]
  return best !== undefined && fewest <= Math.floor(Math.min(wanted.length, bare(best).length) / 3) ? best : undefined
}

/**
 * What to say of a name that there is not: the nearest one, and all.
 *
 * @returns `did you mean enrich? There are fetch, enrich`, or without a near one `there are ...`; `there is none` if there are no names.
 */
export function namesText(word: string, names: readonly string[]): string {
  const near = nearestName(word, names)
  const all = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`
  return near === undefined ? all : `did you mean ${near}? T${all.slice(1)}`
}
