-- What was read of each object version and of each 5-minute slot, from the ledger, the gaps and the dead letters, without a look at flows.

-- The slot is a part of the key, so a part of the table that holds no slot of the days asked for need not be read.
ALTER TABLE {database}.objects ADD INDEX IF NOT EXISTS ix_slot slot_start TYPE minmax GRANULARITY 1;
ALTER TABLE {database}.objects MATERIALIZE INDEX ix_slot;

-- Counts per object, kept with each part: nobody reads a year of NODATA to learn how many there are.
ALTER TABLE {database}.flow_gaps ADD PROJECTION IF NOT EXISTS by_object (SELECT object_id, kind, count() GROUP BY object_id, kind);
ALTER TABLE {database}.flow_gaps MATERIALIZE PROJECTION by_object;
ALTER TABLE {database}.dead_letters ADD PROJECTION IF NOT EXISTS by_object (SELECT object_id, stage, count() GROUP BY object_id, stage);
ALTER TABLE {database}.dead_letters MATERIALIZE PROJECTION by_object;

-- One row per object version. current: the newest version of its key; an older one was replaced, and its lines stay in the tables.
-- flows follows from the conservation law: the lines that were read, less all that are no flows. It is what the table flows holds once the
-- sink has caught up (before that it can be more, for a moment also less) and as long as its time to live has removed nothing. replayed: each time
-- a line was sent back resolves one refusal, the fetcher's or enrich's; it is a flow, a gap, or a dead letter of a higher attempt by now.
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

-- One row per account, region, flow log and 5-minute slot; slot NULL: objects whose name has none. A slot without a row has no object: ask
-- `flowloom coverage` which those are. objects to failed and bytes count the newest version of each key; lines, flows and the rest are what
-- all versions put into the tables. state is that of the worst object: failed, incomplete (being read, or waiting for another attempt),
-- lossy (SKIPDATA or dead letters), else covered. lateness_s: seconds from the end of the slot to the upload of its last object.
CREATE OR REPLACE VIEW {database}.coverage AS
SELECT
  c.account_id AS account_id, c.region AS region, c.flow_log_id AS flow_log_id, c.slot AS slot,
  multiIf(failed > 0, 'failed', reading + retrying > 0, 'incomplete', skipdata + dead_letters > 0, 'lossy', 'covered') AS state,
  countIf(c.current) AS objects, countIf(c.current AND c.state = 'done') AS done, countIf(c.current AND c.state = 'reading') AS reading,
  countIf(c.current AND c.state = 'retrying') AS retrying, countIf(c.current AND c.state = 'failed') AS failed, countIf(NOT c.current) AS replaced,
  sumIf(c.size, c.current) AS bytes, sum(c.text_bytes) AS text_bytes, sum(c.lines) AS lines, sum(c.header_lines) AS header_lines,
  sum(c.blank_lines) AS blank_lines, sum(c.flows) AS flows, sum(c.nodata) AS nodata, sum(c.skipdata) AS skipdata, sum(c.dead_letters) AS dead_letters,
  minIf(c.last_modified, c.current) AS first_arrival, maxIf(c.last_modified, c.current) AS last_arrival,
  dateDiff('second', c.slot + 300, last_arrival) AS lateness_s
FROM {database}.object_coverage AS c
GROUP BY c.account_id, c.region, c.flow_log_id, c.slot
SETTINGS join_use_nulls = 0;
