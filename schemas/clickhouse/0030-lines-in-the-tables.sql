-- Coverage counts the lines that are in the tables, not those that the ledger says were read: the ledger has a sink of its own and can be ahead
-- of the flows, and a time to live removes rows that the ledger still names. Lines are counted as a set for each object version, kept with each
-- part, so that a repeated row never hides one that is missing.
ALTER TABLE {database}.flows ADD PROJECTION IF NOT EXISTS by_object (SELECT object_id, count(), groupBitmap(line) GROUP BY object_id);
ALTER TABLE {database}.flows MATERIALIZE PROJECTION by_object;
ALTER TABLE {database}.flow_gaps ADD PROJECTION IF NOT EXISTS lines_by_object (SELECT object_id, kind, count(), groupBitmap(line) GROUP BY object_id, kind);
ALTER TABLE {database}.flow_gaps MATERIALIZE PROJECTION lines_by_object;
ALTER TABLE {database}.dead_letters ADD PROJECTION IF NOT EXISTS lines_by_object (SELECT object_id, groupBitmap(line) GROUP BY object_id);
ALTER TABLE {database}.dead_letters MATERIALIZE PROJECTION lines_by_object;
-- DELETE FROM is refused by default for tables with projections.
ALTER TABLE {database}.flows MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE {database}.flow_gaps MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE {database}.dead_letters MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild';
-- what 0004 counted with
ALTER TABLE {database}.flow_gaps DROP PROJECTION IF EXISTS by_object;
ALTER TABLE {database}.dead_letters DROP PROJECTION IF EXISTS by_object;

-- One row per object version. A condition on slot_start (or slot) reaches the index of objects. It takes no parameters, because the server looks through a view that
-- does twice for each view that it stands in.
--   current: the newest version of its key. counts: what answers count; of the versions of a key the newest that is done, where none is the newest.
--   copy: the same delivery lies under another key too (replication, an archive, a migration), and that one stands for it and counts: same account,
--     region, flow log, slot, file name and size, and the same lines and bytes of text where both are read. Of copies counts a done one before
--     others, then the one with more lines read, then the one that was uploaded first, then by bucket and key. The copies of a current version
--     that is not counted are compared as if it were.
--   empty: done, without a header line or any other line but blank ones: not what AWS writes, and no evidence of anything.
--   columns: words of the header line.
CREATE OR REPLACE VIEW {database}.object_versions AS
WITH
  versions AS (
    SELECT bucket, key, account_id, region, flow_log_id, slot_start, toStartOfFiveMinutes(slot_start) AS slot, object_id, max(version) AS written,
      argMax((state, size, last_modified, text_bytes, lines, header_lines, blank_lines, dead_lines, error_code, error_detail, retry_at, warning), version) AS record,
      max(length(splitByWhitespace(coalesce(header, '')))) AS columns
    FROM {database}.objects
    GROUP BY bucket, key, account_id, region, flow_log_id, slot_start, slot, object_id
  ),
  plain AS (
    SELECT bucket, key, account_id, region, flow_log_id, slot_start, slot, object_id, written, columns,
      record.1 AS state, record.1 = 'done' AS is_done, record.2 AS size, record.3 AS last_modified, record.4 AS text_bytes, record.5 AS lines,
      record.6 AS header_lines, record.7 AS blank_lines, record.8 AS dead_lines, record.9 AS error_code, record.10 AS error_detail,
      record.11 AS retry_at, record.12 AS warning,
      if(slot_start IS NULL OR flow_log_id = '', concat(bucket, '/', key), splitByChar('/', key)[-1]) AS name
    FROM versions
  ),
  ranked AS (
    SELECT *, written = max(written) OVER versions AS current, row_number() OVER (versions ORDER BY is_done DESC, written DESC) = 1 AS counted
    FROM plain
    WINDOW versions AS (PARTITION BY account_id, region, flow_log_id, slot_start, slot, bucket, key)
  ),
  compared AS (
    SELECT *,
      -- the same file under other keys: those that answers may count
      row_number() OVER (same ORDER BY lines DESC, coalesce(last_modified, toDateTime64('2299-12-31 00:00:00', 3, 'UTC')), bucket, key) AS place,
      max(is_done) OVER (PARTITION BY account_id, region, flow_log_id, slot_start, slot, name, counted, size) AS is_read
    FROM ranked
    WINDOW same AS (PARTITION BY account_id, region, flow_log_id, slot_start, slot, name, counted, size, is_done, if(is_done, lines, 0), if(is_done, text_bytes, 0))
  ),
  judged AS (
    SELECT *, max(counted AND (place > 1 OR (is_read AND NOT is_done))) OVER (PARTITION BY account_id, region, flow_log_id, slot_start, slot, bucket, key) AS copy
    FROM compared
  )
SELECT bucket, key, object_id, account_id, region, flow_log_id, slot_start, slot, current, counted AND NOT copy AS counts, copy,
  toUInt8(is_done AND header_lines = 0 AND lines = blank_lines) AS empty,
  columns, toString(state) AS state, size, last_modified, text_bytes, lines, header_lines, blank_lines, dead_lines, toString(error_code) AS error_code,
  error_detail, retry_at, warning
FROM judged
SETTINGS join_use_nulls = 0;

-- The same with what is in the tables of each. flows, nodata, skipdata: distinct lines. dead_letters: distinct lines that are refused and were not
-- sent back since. missing: lines that were read and are in no table; where the time to live of one of them has not reached the slot yet, they are
-- on their way, else removed. repeated: rows beyond one for each line. Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.object_coverage_between AS
WITH
  wanted AS (
    SELECT object_id
    FROM {database}.objects
    WHERE slot_start IS NULL OR (slot_start >= toStartOfFiveMinutes({from:DateTime('UTC')}) AND slot_start < {to:DateTime('UTC')})
  ),
  -- days that rows live at most; 0: for ever
  (
    SELECT coalesce(minOrNullIf(days, days > 0), 0)
    FROM (
      SELECT toUInt32(greatest(intDiv(toUInt64OrZero(extract(engine_full, '\\+ (\\d+), 4294967295')), 86400), 1) - 1) AS days
      FROM system.tables
      WHERE database = replaceAll('{database}', '`', '') AND name IN ('flows', 'flow_gaps', 'dead_letters')
    )
  ) AS ttl_days
SELECT
  o.bucket AS bucket, o.key AS key, o.object_id AS object_id, o.account_id AS account_id, o.region AS region, o.flow_log_id AS flow_log_id, o.slot AS slot,
  o.current AS current, o.state AS state, o.size AS size, o.last_modified AS last_modified, o.text_bytes AS text_bytes, o.lines AS lines,
  o.header_lines AS header_lines, o.blank_lines AS blank_lines,
  toInt64(f.in_table) AS flows, toInt64(g.nodata_lines) AS nodata, toInt64(g.skipdata_lines) AS skipdata, toInt64(d.refused) - r.resolved AS dead_letters,
  o.error_code AS error_code, o.error_detail AS error_detail, o.retry_at AS retry_at,
  greatest(toInt64(o.lines) - o.header_lines - o.blank_lines - flows - nodata - skipdata - dead_letters, 0) AS missing,
  if(ttl_days > 0 AND o.slot IS NOT NULL AND toUnixTimestamp(o.slot) + ttl_days * 86400 <= toUnixTimestamp(now()), missing, 0) AS removed,
  missing - removed AS on_their_way,
  toInt64(f.table_rows) - flows + g.table_rows - nodata - skipdata AS repeated,
  o.counts AS counts, o.copy AS copy, o.empty AS empty, o.warning AS warning
FROM (
  SELECT *
  FROM {database}.object_versions
  WHERE slot_start IS NULL OR (slot_start >= toStartOfFiveMinutes({from:DateTime('UTC')}) AND slot_start < {to:DateTime('UTC')})
) AS o
LEFT JOIN (
  SELECT object_id, count() AS table_rows, groupBitmap(line) AS in_table
  FROM {database}.flows
  WHERE object_id IN (SELECT object_id FROM wanted)
  GROUP BY object_id
) AS f ON o.object_id = f.object_id
LEFT JOIN (
  SELECT object_id, sum(n) AS table_rows, sumIf(distinct_lines, kind = 'NODATA') AS nodata_lines, sumIf(distinct_lines, kind = 'SKIPDATA') AS skipdata_lines
  FROM (
    SELECT object_id, kind, count() AS n, groupBitmap(line) AS distinct_lines
    FROM {database}.flow_gaps
    WHERE object_id IN (SELECT object_id FROM wanted)
    GROUP BY object_id, kind
  )
  GROUP BY object_id
) AS g ON o.object_id = g.object_id
LEFT JOIN (
  SELECT object_id, groupBitmap(line) AS refused
  FROM {database}.dead_letters
  WHERE object_id IN (SELECT object_id FROM wanted)
  GROUP BY object_id
) AS d ON o.object_id = d.object_id
LEFT JOIN (
  -- refusals that were sent back and not refused again
  SELECT object_id, toInt64(countIf(last_refused < attempts)) AS resolved
  FROM (SELECT object_id, line, max(attempt) AS attempts FROM {database}.dead_letter_replays WHERE object_id IN (SELECT object_id FROM wanted) GROUP BY object_id, line) AS a
  INNER JOIN (
    SELECT object_id, line, max(attempt) AS last_refused
    FROM {database}.dead_letters
    WHERE object_id IN (SELECT object_id FROM {database}.dead_letter_replays WHERE object_id IN (SELECT object_id FROM wanted))
    GROUP BY object_id, line
  ) AS b ON a.object_id = b.object_id AND a.line = b.line
  GROUP BY object_id
) AS r ON o.object_id = r.object_id
SETTINGS join_use_nulls = 0;

-- The same of all times.
CREATE OR REPLACE VIEW {database}.object_coverage AS
SELECT * FROM {database}.object_coverage_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');

-- One row per account, region, flow log and 5-minute slot of a time; slot NULL: objects whose name has none. A slot without a row has no object: ask
-- `flowloom coverage` which those are. objects to bytes count the newest version of each key, copies apart: objects is the sum of done, reading,
-- retrying, failed and empty. lines, flows and the rest are what all versions and copies put into the tables, by count of what is there.
-- state is that of the worst object: failed; incomplete (being read, waiting for another attempt, or lines still on their way to the tables);
-- removed (rows gone after their time to live); empty (an object without any line); lossy (SKIPDATA, dead letters, or a format that lacks what
-- its warning says); else covered. newest_dead_letters, missing, on_their_way, removed and warnings are of the newest version of each key, copies
-- apart. lateness_s: seconds from the end of the slot to the upload of its last object. Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.coverage_between AS
SELECT
  c.account_id AS account_id, c.region AS region, c.flow_log_id AS flow_log_id, c.slot AS slot,
  multiIf(failed > 0, 'failed', reading + retrying + on_their_way > 0, 'incomplete', removed > 0, 'removed', empty > 0, 'empty',
    sumIf(c.skipdata, c.current AND NOT c.copy) + newest_dead_letters + length(warnings) > 0, 'lossy', 'covered') AS state,
  countIf(c.current AND NOT c.copy) AS objects,
  countIf(c.current AND NOT c.copy AND c.state = 'done' AND NOT c.empty) AS done,
  countIf(c.current AND NOT c.copy AND c.state = 'reading') AS reading,
  countIf(c.current AND NOT c.copy AND c.state = 'retrying') AS retrying,
  countIf(c.current AND NOT c.copy AND c.state = 'failed') AS failed,
  countIf(NOT c.current) AS replaced,
  sumIf(c.size, c.current AND NOT c.copy) AS bytes, sum(c.text_bytes) AS text_bytes, sum(c.lines) AS lines, sum(c.header_lines) AS header_lines,
  sum(c.blank_lines) AS blank_lines, sum(c.flows) AS flows, sum(c.nodata) AS nodata, sum(c.skipdata) AS skipdata, sum(c.dead_letters) AS dead_letters,
  minIf(c.last_modified, c.current AND NOT c.copy) AS first_arrival, maxIf(c.last_modified, c.current AND NOT c.copy) AS last_arrival,
  dateDiff('second', c.slot + 300, last_arrival) AS lateness_s,
  sumIf(c.dead_letters, c.current AND NOT c.copy) AS newest_dead_letters,
  countIf(c.current AND c.copy) AS copies,
  countIf(c.current AND NOT c.copy AND c.state = 'done' AND c.empty) AS empty,
  sumIf(c.missing, c.current AND NOT c.copy) AS missing,
  sumIf(c.on_their_way, c.current AND NOT c.copy) AS on_their_way,
  sumIf(c.removed, c.current AND NOT c.copy) AS removed,
  sum(c.repeated) AS repeated,
  countIf(c.current AND NOT c.copy AND c.warning != '') AS warned,
  groupUniqArrayIf(c.warning, c.current AND NOT c.copy AND c.warning != '') AS warnings
FROM {database}.object_coverage_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS c
WHERE c.slot IS NULL OR (c.slot >= toStartOfFiveMinutes({from:DateTime('UTC')}) AND c.slot < {to:DateTime('UTC')})
GROUP BY c.account_id, c.region, c.flow_log_id, c.slot
SETTINGS join_use_nulls = 0;

-- The same of all times: give a condition on slot, or take coverage_between.
CREATE OR REPLACE VIEW {database}.coverage AS
SELECT * FROM {database}.coverage_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');
