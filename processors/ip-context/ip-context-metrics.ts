/** Metrics of the ip-context role. */
import type { ChangeKind, CloudMapChange } from '../../schemas/records.ts'
import { counter, gauge } from '../../runtime/metrics.ts'

const sightings = counter('flowloom_ip_context_sightings_total', 'Sightings that were folded into the cloud map')
const keys = counter('flowloom_ip_context_keys_total', 'Addresses whose entry was written, counted once per transaction')
const runs = counter<'operation'>('flowloom_ip_context_runs_total', 'Ownership runs that were written or withdrawn', ['operation'])
const changes = counter<'kind'>('flowloom_ip_context_changes_total', 'Changes that were announced', ['kind'])
const late = counter('flowloom_ip_context_late_days_total', 'Days of an address that changed after they had left its entry')
const tooOld = counter('flowloom_ip_context_too_old_ranges_total', 'Ranges of sightings older than ipContext.historyDays, left out')
const clipped = counter(
  'flowloom_ip_context_clipped_ranges_total',
  'Ranges of sightings that were cut: later than the record that says so plus an hour, or before 1970',
)
const refused = counter('flowloom_ip_context_refused_sightings_total', 'Sightings of an owner with a text longer than 64 bytes, left out')
const crowded = counter('flowloom_ip_context_crowded_out_total', 'Owners that were left out: too many of one address in one day')
const days = counter('flowloom_ip_context_days_written_total', 'Days of an address that were written to cloud-map-days')
const lookedUp = counter('flowloom_ip_context_days_looked_up_total', 'Days of an address that were looked up in cloud-map-days')
const idle = counter(
  'flowloom_ip_context_idle_addresses_total',
  'Addresses that left the map: nobody was seen with them for ipContext.idleDays',
)
const early = counter(
  'flowloom_ip_context_early_days_total',
  'Days that left their entry early: it was larger than ipContext.maxStateBytes',
)
const entries = gauge<'partition'>('flowloom_ip_context_state_entries', 'Addresses in the state', ['partition'])
const bytes = gauge<'partition'>('flowloom_ip_context_state_bytes', 'Bytes of the state, as encoded', ['partition'])

/** Counts of one transaction. */
export interface TransactionCounts {
  sightings: number
  keys: number
  upserts: number
  tombstones: number
  late: number
  tooOld: number
  clipped: number
  refused: number
  crowded: number
  days: number
  lookedUp: number
  idle: number
  early: number
  announced: CloudMapChange[]
}

/** Zero counts. */
export const noCounts = (): TransactionCounts => ({
  sightings: 0,
  keys: 0,
  upserts: 0,
  tombstones: 0,
  late: 0,
  tooOld: 0,
  clipped: 0,
  refused: 0,
  crowded: 0,
  days: 0,
  lookedUp: 0,
  idle: 0,
  early: 0,
  announced: [],
})

/** Counts a committed transaction. */
export function countTransaction(counts: TransactionCounts): void {
  sightings.inc(counts.sightings)
  keys.inc(counts.keys)
  runs.inc({ operation: 'upsert' }, counts.upserts)
  runs.inc({ operation: 'tombstone' }, counts.tombstones)
  late.inc(counts.late)
  tooOld.inc(counts.tooOld)
  clipped.inc(counts.clipped)
  refused.inc(counts.refused)
  crowded.inc(counts.crowded)
  days.inc(counts.days)
  lookedUp.inc(counts.lookedUp)
  idle.inc(counts.idle)
  early.inc(counts.early)
  for (const { kind } of counts.announced) changes.inc({ kind: kind satisfies ChangeKind })
}

/** Shows the size of the state of a partition; undefined: the partition is no longer here. */
export function showState(partition: number, size: { entries: number; bytes: number } | undefined): void {
  if (size === undefined) {
    entries.remove({ partition })
    bytes.remove({ partition })
    return
  }
  entries.set({ partition }, size.entries)
  bytes.set({ partition }, size.bytes)
}
