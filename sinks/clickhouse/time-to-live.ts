/** How long each table keeps its rows, as TTL clauses. The settings may change, so the clauses follow the configuration of the last start. */
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
 * Every table that grows, but for `interfaces`: a flow names its row there, however old it is. `objects` count from the newest state that was
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
const shownSeconds = new RegExp(`\\bTTL toDateTime\\(least\\(.* \\+ (\\d+), ${latestS}\\)\\)`)

/**
 * What has to change in a table.
 *
 * @param shown `engine_full` of the table.
 * @returns The end of an ALTER TABLE statement; undefined: nothing.
 */
export function ttlChange(table: string, shown: string, settings: TtlSettings): string | undefined {
  const rule = rules.find(candidate => candidate.table === table)
  if (rule === undefined) return undefined
  const days = rule.days(settings) ?? 0
  if (days === 0) return /\bTTL /.test(shown) ? 'REMOVE TTL' : undefined
  if (shownSeconds.exec(shown)?.[1] === String((days + 1) * dayS)) return undefined
  return `MODIFY TTL ${clause(rule, days)}`
}

/** A setting that would remove what tells how complete the flows are while the flows are still there. */
export interface TtlFault {
  readonly key: keyof TtlSettings
  readonly message: string
}

/** Finds them all. */
export function ttlFaults(settings: TtlSettings): TtlFault[] {
  const { ttlDays } = settings
  return (['gapsTtlDays', 'objectsTtlDays', 'cloudMapTtlDays', 'deadLettersTtlDays'] as const).flatMap(key => {
    const days = settings[key] ?? 0
    if (days === 0 || (ttlDays !== 0 && days >= ttlDays)) return []
    const kept = ttlDays === 0 ? 'for ever' : `for ${ttlDays} days`
    return [
      {
        key,
        message: `flows are kept ${kept} (ttlDays), and what tells how complete they are and whose must stay as long: set 0, or at least ttlDays`,
      },
    ]
  })
}
