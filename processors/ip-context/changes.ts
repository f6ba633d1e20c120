/** Changes of an address that are announced. */
import type { CloudMapChange, OwnershipRun } from '../../schemas/records.ts'
import { isOver, meets, type Conflict } from './conflicts.ts'
import type { DerivedRun } from './day-runs.ts'
import { joinS } from './day-stays.ts'
import { runAt, tell, type Timeline, type Told } from './timeline.ts'

/**
 * Changes to announce: what gives "who had this address then" another answer, and conflicts that begin and end.
 *
 * @param before Days before the transaction.
 * @param after The same days after it.
 * @param known The address is known, from these days or others.
 */
export function announcements(before: Timeline, after: Timeline, known: boolean): CloudMapChange[] {
  const was = tell(before)
  const is = tell(after)
  return [...ownerChanges(was, is, known), ...conflictChanges(was, is)].sort((a, b) => a.at - b.at)
}

/** The announcement of an address that nobody was seen with before. */
export const appeared = (first: DerivedRun): CloudMapChange => change('appeared', first.validFrom, undefined, first)

function ownerChanges(was: Told, is: Told, known: boolean): CloudMapChange[] {
  const changes: CloudMapChange[] = []
  const newestHolding = was.holdings.at(-1)
  const told = new Set<DerivedRun>()
  const add = (kind: CloudMapChange['kind'], at: number, old: DerivedRun | undefined, now: DerivedRun | undefined): void => {
    changes.push(change(kind, at, old, now))
    if (now !== undefined) told.add(now)
  }
  for (const [i, run] of is.holdings.entries()) {
    const previous = is.holdings[i - 1]
    const old = runAt(was.holdings, run.validFrom)
    const isNewest = i === is.holdings.length - 1 && is.isNewest
    if (newestHolding === undefined) add(known ? 'corrected' : i === 0 ? 'appeared' : 'changed', run.validFrom, previous, run)
    else if (isUntold(run, was) || (isNewest && run.id !== newestHolding.id)) add('changed', run.validFrom, previous, run)
    else if (old === undefined) {
      // the same holding, begun earlier, changes nobody
      const first = was.holdings[0]!
      if (run.id !== first.id || runAt(is.holdings, first.validFrom) !== run) add('corrected', run.validFrom, undefined, run)
    } else if (old.id !== run.id) add('corrected', run.validFrom, old, run)
  }
  for (const run of was.holdings) {
    const now = runAt(is.holdings, run.validFrom)
    if (now === undefined || !(now.id === run.id || told.has(now))) add('corrected', run.validFrom, run, now)
  }
  return changes
}

/** True for what comes after all that was told. What somebody has again is told late, see `tell`. */
const isUntold = ({ validFrom, resumed }: DerivedRun, { newest }: Told): boolean =>
  validFrom > newest || (resumed && validFrom + joinS > newest)

function conflictChanges(was: Told, is: Told): CloudMapChange[] {
  const changes: CloudMapChange[] = []
  const end = (conflict: Conflict): void => {
    const at = conflict.to + 1
    changes.push(change('conflict_ended', at, conflict.last, runAt(is.runs, at)))
  }
  for (const conflict of is.conflicts) {
    const same = was.conflicts.filter(other => meets(conflict, other))
    if (same.length === 0) changes.push(change('conflict', conflict.from, conflict.before, conflict.first))
    if (isOver(conflict, is.newest) && !same.some(other => isOver(other, was.newest))) end(conflict)
  }
  for (const conflict of was.conflicts)
    if (!isOver(conflict, was.newest) && !is.conflicts.some(other => meets(conflict, other))) end(conflict)
  return changes
}

const runOf = ({ owner, validFrom, validTo, firstSeen, lastSeen, conflictS, doubtTo, others }: DerivedRun): OwnershipRun => ({
  owner,
  validFrom,
  validTo,
  firstSeen,
  lastSeen,
  conflictS,
  doubtTo,
  others,
})

const change = (
  kind: CloudMapChange['kind'],
  at: number,
  before: DerivedRun | undefined,
  after: DerivedRun | undefined,
): CloudMapChange => ({ kind, at, before: before === undefined ? null : runOf(before), after: after === undefined ? null : runOf(after) })
