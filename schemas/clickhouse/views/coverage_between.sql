-- One row per account, region, flow log and 5-minute slot of a time; slot NULL: objects whose name has none. A slot without a row has no object: ask
-- `flowloom coverage` which those are. objects to bytes count the newest version of each key, copies apart: objects is the sum of done, reading,
-- retrying, failed and empty. text_bytes to dead_letters, and repeated, are of the versions that count, as flows_once takes them: of each key the newest
-- that is done (where none is, the newest), of copies one; by count of what is there. object_coverage has the others, a version a row.
-- state is that of the worst object: failed; incomplete (being read, waiting for another attempt, or lines still on their way to the tables);
-- removed (rows gone after their time to live); empty (an object without any line); lossy (SKIPDATA, or lines that may be SKIPDATA: unclear; dead
-- letters, or a format that lacks what its warning says); else covered: of the objects that are known, which need not be all that AWS wrote (nobody says how
-- many a slot has; `flowloom coverage --interface` looks for interfaces that are silent). unclear (lines of a format without log-status that say nothing of a flow: NODATA
-- or SKIPDATA, nobody can tell) are among the flows. newest_dead_letters, unclear, missing, on_their_way, removed and warnings are of the newest version of each key, copies
-- apart, whether it is done or not. lateness_s: seconds from the end of the slot to the upload of its last object. Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.coverage_between AS
SELECT
  c.account_id AS account_id, c.region AS region, c.flow_log_id AS flow_log_id, c.slot AS slot,
  multiIf(failed > 0, 'failed', reading + retrying + on_their_way > 0, 'incomplete', removed > 0, 'removed', empty > 0, 'empty',
    sumIf(c.skipdata, c.current AND NOT c.copy) + unclear + newest_dead_letters + length(warnings) > 0, 'lossy', 'covered') AS state,
  countIf(c.current AND NOT c.copy) AS objects,
  countIf(c.current AND NOT c.copy AND c.state = 'done' AND NOT c.empty) AS done,
  countIf(c.current AND NOT c.copy AND c.state = 'reading') AS reading,
  countIf(c.current AND NOT c.copy AND c.state = 'retrying') AS retrying,
  countIf(c.current AND NOT c.copy AND c.state = 'failed') AS failed,
  countIf(NOT c.current) AS replaced,
  sumIf(c.size, c.current AND NOT c.copy) AS bytes, sumIf(c.text_bytes, c.counts) AS text_bytes, sumIf(c.lines, c.counts) AS lines, sumIf(c.header_lines, c.counts) AS header_lines,
  sumIf(c.blank_lines, c.counts) AS blank_lines, sumIf(c.flows, c.counts) AS flows, sumIf(c.nodata, c.counts) AS nodata, sumIf(c.skipdata, c.counts) AS skipdata,
  sumIf(c.dead_letters, c.counts) AS dead_letters,
  minIf(c.last_modified, c.current AND NOT c.copy) AS first_arrival, maxIf(c.last_modified, c.current AND NOT c.copy) AS last_arrival,
  dateDiff('second', c.slot + 300, last_arrival) AS lateness_s,
  sumIf(c.dead_letters, c.current AND NOT c.copy) AS newest_dead_letters,
  countIf(c.current AND c.copy) AS copies,
  countIf(c.current AND NOT c.copy AND c.state = 'done' AND c.empty) AS empty,
  sumIf(c.missing, c.current AND NOT c.copy) AS missing,
  sumIf(c.on_their_way, c.current AND NOT c.copy) AS on_their_way,
  sumIf(c.removed, c.current AND NOT c.copy) AS removed,
  sumIf(c.repeated, c.counts) AS repeated,
  sumIf(c.unclear, c.current AND NOT c.copy) AS unclear,
  countIf(c.current AND NOT c.copy AND c.warning != '') AS warned,
  groupUniqArrayIf(c.warning, c.current AND NOT c.copy AND c.warning != '') AS warnings
FROM {database}.object_coverage_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS c
WHERE c.slot IS NULL OR (c.slot >= toStartOfFiveMinutes({from:DateTime('UTC')}) AND c.slot < {to:DateTime('UTC')})
GROUP BY c.account_id, c.region, c.flow_log_id, c.slot
SETTINGS join_use_nulls = 0;
