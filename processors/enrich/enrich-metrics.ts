/** What enrich counts. Counters of published things move when their transaction is committed. */
import { counter, gauge } from '../../runtime/metrics.ts'

export const blocksRead = counter('flowloom_enrich_blocks_total', 'raw-lines records taken in')
export const linesRead = counter('flowloom_enrich_lines_total', 'lines by what became of them', ['kind'])
export const linesDead = counter('flowloom_enrich_dead_lines_total', 'lines sent to dead letters, by reason', ['reason'])
export const implausibleFlows = counter(
  'flowloom_enrich_implausible_flows_total',
  'flows kept as logged that taught the cloud map nothing, because they last longer than 660 seconds or end over an hour after their object was stored',
)
export const linesReplayed = counter(
  'flowloom_enrich_replayed_lines_total',
  'dead letters that were sent back, by what became of them; not among the other lines',
  ['kind'],
)
export const slabsSent = counter('flowloom_enrich_slabs_total', 'batches of flows sent')
export const bytesSent = counter('flowloom_enrich_flow_bytes_total', 'bytes of flow records sent, before compression')
export const sightingsSent = counter('flowloom_enrich_sightings_total', 'sightings sent, combined per transaction')
export const unknownColumns = gauge(
  'flowloom_enrich_unknown_columns',
  'columns seen that this version does not know, each counted once for each format (header line); their values are kept in `extra`',
)
export const dictionaryEntries = gauge('flowloom_enrich_dictionary_entries', 'entries of the dictionaries', ['dictionary'])
export const tableDate = gauge('flowloom_enrich_table_date_seconds', 'Unix time of the data of a lookup table', ['table'])
export const tableRanges = gauge('flowloom_enrich_table_ranges', 'ranges of a lookup table', ['table'])
export const tableRefused = gauge(
  'flowloom_enrich_table_refused',
  'lookup tables by whether (1) the newest files were refused and the table before stays in force',
  ['table'],
)
export const tableUnreadable = gauge('flowloom_enrich_table_unreadable_lines', 'lines of a lookup table that were left out', ['table'])
