-- Dead letters that were sent back to raw-lines after a fix. `dead_letters` keeps one row for each refusal and is never rewritten: what was
-- resolved is told by a table of its own, and the view says which refusals still stand.

-- 0: refused when the line was first read; n: refused again after it was sent back for the n-th time.
ALTER TABLE {database}.dead_letters ADD COLUMN IF NOT EXISTS attempt UInt32 COMMENT '0: first read; n: refused again after the n-th replay';

-- One row per line that was sent back, with the newest attempt. Read it with FINAL.
CREATE TABLE IF NOT EXISTS {database}.dead_letter_replays (
  recorded_at DateTime64(3, 'UTC'),
  bucket LowCardinality(String),
  key String,
  object_id UInt64,
  line UInt32,
  attempt UInt32 COMMENT 'how often the line was sent back; dead letters of a lower attempt are resolved',
  stage LowCardinality(String) COMMENT 'which part had refused it',
  reason LowCardinality(String) COMMENT 'reason of the dead letter that was sent back'
) ENGINE = ReplacingMergeTree(attempt)
ORDER BY (object_id, line)
SETTINGS non_replicated_deduplication_window = {deduplicationWindow};

-- Every refusal with its state: open (the line is a dead letter), or replayed (the line was sent back since: it is a flow, a gap, or an open
-- dead letter of a higher attempt by now). Count a line's fate with state = 'open'.
CREATE OR REPLACE VIEW {database}.dead_letter_states AS
SELECT d.*, if(d.attempt < r.attempts, 'replayed', 'open') AS state
FROM {database}.dead_letters AS d
LEFT JOIN (SELECT object_id, line, max(attempt) AS attempts FROM {database}.dead_letter_replays GROUP BY object_id, line) AS r
  ON d.object_id = r.object_id AND d.line = r.line
SETTINGS join_use_nulls = 0;
