-- Every refusal with its state: open (the line is a dead letter), or replayed (the line was sent back since: it is a flow, a gap, or an open
-- dead letter of a higher attempt by now). Count a line's fate with state = 'open'.
CREATE OR REPLACE VIEW {database}.dead_letter_states AS
SELECT d.*, if(d.attempt < r.attempts, 'replayed', 'open') AS state
FROM {database}.dead_letters AS d
LEFT JOIN (SELECT object_id, line, max(attempt) AS attempts FROM {database}.dead_letter_replays GROUP BY object_id, line) AS r
  ON d.object_id = r.object_id AND d.line = r.line
SETTINGS join_use_nulls = 0;
