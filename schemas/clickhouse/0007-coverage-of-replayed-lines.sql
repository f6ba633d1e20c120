-- Coverage counts a dead letter that was sent back no longer as one: the line is a flow or a gap by now, or a dead letter of a higher attempt.
-- Each time a line was sent back resolves one refusal, the fetcher's or enrich's.

-- One row per object version. current: the newest version of its key; an older one was replaced, and its lines stay in the tables.
-- flows follows from the conservation law: the lines that were read, less all that are no flows. It is what the table flows holds once the
-- sink has caught up (before that it can be more, for a moment also less) and as long as its time to live has removed nothing.
CREATE OR REPLACE VIEW {database}.object_coverage AS
SELECT
  o.bucket AS bucket, o.key AS key, o.version.2 AS object_id, o.account_id AS account_id, o.region AS region, o.flow_log_id AS flow_log_id, o.slot AS slot,
  o.version.1 = o.newest AS current,
  toString(o.version.3.1) AS state, o.version.3.2 AS size, o.version.3.3 AS last_modified, o.version.3.4 AS text_bytes, o.version.3.5 AS lines,
  o.version.3.6 AS header_lines, o.version.3.7 AS blank_lines,
  toInt64(o.version.3.5) - o.version.3.6 - o.version.3.7 - o.version.3.8 - g.nodata - g.skipdata - d.dead + r.replayed AS flows,
  g.nodata AS nodata, g.skipdata AS skipdata, o.version.3.8 + d.dead - r.replayed AS dead_letters,
  toString(o.version.3.9) AS error_code, o.version.3.10 AS error_detail, o.version.3.11 AS retry_at
FROM (
  SELECT bucket, key, account_id, region, flow_log_id, slot, max(written) AS newest, arrayJoin(groupArray((written, object_id, record))) AS version
  FROM (
    SELECT bucket, key, account_id, region, flow_log_id, toStartOfFiveMinutes(slot_start) AS slot, object_id, max(version) AS written,
      argMax((state, size, last_modified, text_bytes, lines, header_lines, blank_lines, dead_lines, error_code, error_detail, retry_at), version) AS record
    FROM {database}.objects
    GROUP BY bucket, key, account_id, region, flow_log_id, slot, object_id
  )
  GROUP BY bucket, key, account_id, region, flow_log_id, slot
) AS o
LEFT JOIN (
  SELECT object_id, sumIf(n, kind = 'NODATA') AS nodata, sumIf(n, kind = 'SKIPDATA') AS skipdata
  FROM (SELECT object_id, kind, count() AS n FROM {database}.flow_gaps GROUP BY object_id, kind)
  GROUP BY object_id
) AS g ON o.version.2 = g.object_id
LEFT JOIN (
  SELECT object_id, sumIf(n, stage != 'fetch') AS dead
  FROM (SELECT object_id, stage, count() AS n FROM {database}.dead_letters GROUP BY object_id, stage)
  GROUP BY object_id
) AS d ON o.version.2 = d.object_id
LEFT JOIN (
  SELECT object_id, sum(attempts) AS replayed
  FROM (SELECT object_id, line, max(attempt) AS attempts FROM {database}.dead_letter_replays GROUP BY object_id, line)
  GROUP BY object_id
) AS r ON o.version.2 = r.object_id
SETTINGS join_use_nulls = 0;
