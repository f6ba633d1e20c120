/** Metrics of the ip-context role. */
import type { ChangeKind, CloudMapChange } from '../../schemas/records.ts'
import { counter, gauge } from '../../runtime/metrics.ts'

const sightings = counter('flowloom_ip_context_sightings_total', 'Sightings that were folded into the cloud map')
const keys = counter('flowloom_ip_context_keys_total', 'Addresses whose entry was written, counted once per transaction')
const runs = counter<'operation'>('flowloom_ip_context_runs_total', 'Ownership runs that were written or withdrawn', ['operation'])
const changes = counter<'kind'>('flowloom_ip_context_changes_total', 'Changes that were announced', ['kind'])
const late = counter('flowloom_ip_context_late_sightings_total', 'Sightings that came after their time was sealed')
const early = counter('flowloom_ip_context_early_seals_total', 'Entries that grew beyond ipContext.maxStateBytes and were sealed early')
const entries = gauge<'partition'>('flowloom_ip_context_state_entries', 'Addresses in the state', ['partition'])
const bytes = gauge<'partition'>('flowloom_ip_context_state_bytes', 'Bytes of the state, as encoded', ['partition'])

/** Counts of one transaction. */
export interface TransactionCounts {
  sightings: number
  keys: number
  upserts: number
  tombstones: number
  late: number
  early: number
  announced: CloudMapChange[]
}

/** Zero counts. */
export const noCounts = (): TransactionCounts => ({ sightings: 0, keys: 0, upserts: 0, tombstones: 0, late: 0, early: 0, announced: [] })

/** Counts a committed transaction. */
export function countTransaction(counts: TransactionCounts): void {
  sightings.inc(counts.sightings)
  keys.inc(counts.keys)
  runs.inc({ operation: 'upsert' }, counts.upserts)
  runs.inc({ operation: 'tombstone' }, counts.tombstones)
  late.inc(counts.late)
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
