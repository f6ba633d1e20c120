/** How long each table keeps its rows, as TTL clauses. The settings may change, so the clauses follow the configuration of the last start. */
import { plural } from '../../runtime/counted.ts'
import type { SettingRule } from '../../runtime/setting-types.ts'
import type { ClickHouseSettings } from './settings.ts'
import type { TableName } from './store.ts'

/** Settings that say how long rows are kept; 0 is for ever. */
export type TtlSettings = Pick<ClickHouseSettings, 'ttlDays'> &
  Partial<Pick<ClickHouseSettings, 'gapsTtlDays' | 'objectsTtlDays' | 'cloudMapTtlDays' | 'deadLettersTtlDays'>>

/** A table whose rows can expire. */
interface Rule {
  readonly table: TableName
  readonly days: (settings: TtlSettings) => number | undefined
  /** SQL of the time that counts. */
  readonly time: string
  /** Rows that stay all the same are left out by a condition. */
  readonly where?: string
}

/**
 * The logged time where it can be: from 2010 on, and at most a day after the row was stored. Else the time of storing: without it, a flow
 * without a time would be of 1970, and gone at once.
 */
const plausible = (column: string): string =>
  `if((${column} >= '2010-01-01 00:00:00') AND (${column} <= (stored_at + toIntervalDay(1))), ${column}, stored_at)`

/**
 * Every table that grows with the traffic, but for `interfaces`: a flow names its row there, however old it is. Nothing expires in what has few
 * rows (`own_networks`, `begun_roles`, and what remembers migrations and views) nor in `cloud_map_v1`, which nobody fills any more. `objects` count from the newest state that was
 * stored of an object. A tombstone of `cloud_map` stays: without it the run that it removes would come back.
 */
const rules: readonly Rule[] = [
  { table: 'flows', days: settings => settings.ttlDays, time: plausible('start') },
  { table: 'flow_gaps', days: settings => settings.gapsTtlDays, time: plausible('start') },
  { table: 'objects', days: settings => settings.objectsTtlDays, time: 'stored_at' },
  { table: 'cloud_map', days: settings => settings.cloudMapTtlDays, time: 'last_seen', where: 'deleted = 0' },
  { table: 'dead_letters', days: settings => settings.deadLettersTtlDays, time: 'recorded_at' },
  { table: 'dead_letter_replays', days: settings => settings.deadLettersTtlDays, time: 'recorded_at' },
]

const latestS = 2 ** 32 - 1
const dayS = 86_400

/**
 * The midnight (UTC) by which a row was kept for so many days, as a DateTime, the only type that every server takes for a TTL. The sum is made
 * in 64 bits: in 32 bits it wraps near 2106, and the newest rows would be the first to go.
 */
const clause = ({ time, where }: Rule, days: number): string =>
  `toDateTime(least(toUInt64(toUnixTimestamp(toStartOfDay(${time}))) + ${(days + 1) * dayS}, ${latestS}))${where === undefined ? '' : ` DELETE WHERE ${where}`}`

/** The seconds of `clause` in what a server shows of a table; the server puts its own parentheses. */
const ownForm = new RegExp(`^toDateTime\\(least\\([^]* \\+ (\\d+), ${latestS}\\)\\)$`)

/** The form of releases before `stored_at`. */
const firstForm = /^\(?start \+ toIntervalDay\((\d+)\)\)?$/

/** What a table has for a time to live: none, one that we have set (its seconds; those of the first form count as none), or one of somebody else. */
type Shown =
  | { readonly kind: 'none' }
  | { readonly kind: 'ours'; readonly seconds: string | undefined }
  | { readonly kind: 'foreign'; readonly text: string }

function shownOf({ where }: Rule, full: string): Shown {
  const text = /\bTTL ([^]*?)(?= SETTINGS |$)/.exec(full)?.[1]
  if (text === undefined) return { kind: 'none' }
  const [, time, condition] = /^([^]*?)(?: DELETE)?(?: WHERE \(?([^()]*)\)?)?$/.exec(text)!
  if (parts(text).length === 1 && condition === where) {
    const seconds = ownForm.exec(time!)?.[1]
    if (seconds !== undefined || firstForm.test(time!)) return { kind: 'ours', seconds }
  }
  return { kind: 'foreign', text }
}

/** What stands between the commas of a clause that are in no parentheses and no quotes. */
function parts(clause: string): string[] {
  const found: string[] = []
  let part = ''
  let depth = 0
  for (const [piece] of clause.matchAll(/'(?:[^'\\]|\\.)*'|[^]/g)) {
    if (piece === '(') depth++
    if (piece === ')') depth--
    if (piece === ',' && depth === 0) {
      found.push(part)
      part = ''
    } else part += piece
  }
  return [...found, part]
}

/** What is to be done about the time to live of a table. */
export interface TtlChange {
  /** The end of an ALTER TABLE statement; undefined: nothing. */
  readonly statement?: string
  /** A clause that somebody else has set, and that stays; it may move rows to a volume, or compress them anew. */
  readonly foreign?: string
}

/**
 * What has to change in a table. Only a clause that we have set is replaced or removed.
 *
 * @param shown `engine_full` of the table.
 */
export function ttlChange(table: string, shown: string, settings: TtlSettings): TtlChange {
  const rule = rules.find(candidate => candidate.table === table)
  if (rule === undefined) return {}
  const days = rule.days(settings) ?? 0
  const there = shownOf(rule, shown)
  if (there.kind === 'foreign') return { foreign: there.text }
  if (days === 0) return there.kind === 'ours' ? { statement: 'REMOVE TTL' } : {}
  if (there.kind === 'ours' && there.seconds === String((days + 1) * dayS)) return {}
  return { statement: `MODIFY TTL ${clause(rule, days)}` }
}

/** Settings that would remove what tells how complete the flows are while the flows are still there: a rule for each. */
export const ttlRules: readonly SettingRule<TtlSettings>[] = (
  ['gapsTtlDays', 'objectsTtlDays', 'cloudMapTtlDays', 'deadLettersTtlDays'] as const
).map(key => settings => {
  const days = settings[key] ?? 0
  if (days === 0) return []
  const { ttlDays } = settings
  if (ttlDays !== 0 && days >= ttlDays) return []
  const kept = ttlDays === 0 ? 'for ever' : `for ${plural(ttlDays, 'day')}`
  return [
    {
      key,
      message: `flows are kept ${kept} (ttlDays), and what tells how complete they are and whose must stay as long: set 0, or at least ttlDays`,
    },
  ]
})
