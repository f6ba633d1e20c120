-- object_versions with what is in the tables of each. flows, nodata, skipdata: distinct lines. unclear: those of
-- flows that say nothing of a flow, of a format without log-status: NODATA or SKIPDATA, nobody can tell. dead_letters: distinct lines that are refused and were not
-- sent back since. missing: lines that were read and are in no table; if the time to live has not reached the slot yet (without a slot, the upload),
-- they are on their way, else removed. repeated: rows beyond one for each line. Parameters: from, to (not included), UTC.
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
  toInt64(f.in_table) AS flows, toInt64(f.unclear_lines) AS unclear, toInt64(g.nodata_lines) AS nodata, toInt64(g.skipdata_lines) AS skipdata, toInt64(d.refused) - r.resolved AS dead_letters,
  o.error_code AS error_code, o.error_detail AS error_detail, o.retry_at AS retry_at,
  greatest(toInt64(o.lines) - o.header_lines - o.blank_lines - flows - nodata - skipdata - dead_letters, 0) AS missing,
  -- of an object without a slot: no line is of a later time than its upload
  if(ttl_days > 0 AND coalesce(toUnixTimestamp(o.slot), toUnixTimestamp(o.last_modified), 4294967295) + ttl_days * 86400 <= toUnixTimestamp(now()), missing, 0) AS removed,
  missing - removed AS on_their_way,
  toInt64(f.table_rows) - flows + g.table_rows - nodata - skipdata AS repeated,
  o.counts AS counts, o.copy AS copy, o.empty AS empty, o.warning AS warning
FROM (
  SELECT *
  FROM {database}.object_versions
  WHERE slot_start IS NULL OR (slot_start >= toStartOfFiveMinutes({from:DateTime('UTC')}) AND slot_start < {to:DateTime('UTC')})
) AS o
LEFT JOIN (
  SELECT object_id, count() AS table_rows, groupBitmap(line) AS in_table,
    groupBitmapIf(line, bitAnd(absent, 4059) = 4059 AND action = '-' AND log_status = '-' AND flow_direction = '-') AS unclear_lines
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
WHERE {in_order:object_coverage_between}
SETTINGS join_use_nulls = 0;
