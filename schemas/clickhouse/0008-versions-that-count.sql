-- Of the versions of an overwritten object one counts: the newest that is done; where none is, the newest. What was read of another one, be it
-- older or newer, stays in the tables and out of the answers.

-- As in 0005. Left out: records without an interface, whose object is not in the ledger, or without any time; object versions that do not count.
CREATE OR REPLACE VIEW {database}.flow_log_presence AS
WITH
  toStartOfFiveMinutes({from:DateTime('UTC')}) AS first_slot,
  toStartOfFiveMinutes(toDateTime(greatest(toUnixTimestamp({to:DateTime('UTC')}), 1) - 1, 'UTC')) AS last_slot,
  toDateTime(greatest(toUnixTimestamp(first_slot) - 900, 0), 'UTC') AS read_from,
  toDateTime(least(toUnixTimestamp(last_slot) + 300, 4294967295), 'UTC') AS read_to,
  sources AS (
    SELECT bucket, key, object_id, toString(flow_log_id) AS flow_log_id, max(length(splitByWhitespace(coalesce(header, '')))) AS columns,
      max(version) AS written, argMax(state, version) = 'done' AS is_done
    FROM {database}.objects
    WHERE slot_start IS NULL OR (toUnixTimestamp(slot_start) >= toUnixTimestamp(first_slot) - 86400 AND toUnixTimestamp(slot_start) < toUnixTimestamp(last_slot) + 86400)
    GROUP BY bucket, key, object_id, flow_log_id
  ),
  origins AS (
    SELECT object.1 AS object_id, object.2 AS flow_log_id, object.3 AS columns
    FROM (SELECT argMax((object_id, flow_log_id, columns), (is_done, written)) AS object FROM sources GROUP BY bucket, key)
  ),
  observers AS (
    SELECT interface, observer FROM {database}.interfaces WHERE observer != '' LIMIT 1 BY interface
  ),
  counted AS (
    SELECT toStartOfFiveMinutes(start) AS own_slot, interface, object_id, action = 'REJECT' AS rejected,
      count() AS records, sum(bytes) AS bytes, toStartOfFiveMinutes(max(start + least(greatest(dur, 0), 660))) AS to_slot
    FROM {database}.flows
    WHERE start >= read_from AND start < read_to AND time_source != 'none'
      -- one flow log alone repeats nothing, and nothing is read
      AND (SELECT uniqExact(flow_log_id) FROM origins) > 1
    GROUP BY own_slot, interface, object_id, rejected
  ),
  spans AS (
    SELECT o.observer AS observer, s.flow_log_id AS flow_log_id, s.columns AS columns, c.rejected AS rejected, c.own_slot AS own_slot,
      c.interface AS interface, c.object_id AS object_id, c.records AS records, c.bytes AS bytes,
      toDateTime(arrayJoin(range(toUInt32(c.own_slot), toUInt32(c.to_slot) + 1, 300)), 'UTC') AS slot
    FROM counted AS c
    INNER JOIN origins AS s ON c.object_id = s.object_id
    INNER JOIN observers AS o ON c.interface = o.interface
  ),
  skips AS (
    SELECT DISTINCT toDateTime(arrayJoin(range(toUInt32(toStartOfFiveMinutes(g.start)), toUInt32(toStartOfFiveMinutes(least(g.end, g.start + 660))) + 1, 300)), 'UTC') AS slot,
      g.interface_id AS observer, s.flow_log_id AS flow_log_id
    FROM {database}.flow_gaps AS g
    INNER JOIN origins AS s ON g.object_id = s.object_id
    WHERE g.kind = 'SKIPDATA' AND g.start >= read_from AND g.start < read_to
  )
SELECT slot, observer, rejected, flow_log_id, max(columns) AS columns, (slot, observer, flow_log_id) IN skips AS lossy,
  sumIf(records, own_slot = slot) AS records, sumIf(bytes, own_slot = slot) AS bytes,
  groupArrayIf((interface, object_id), own_slot = slot) AS members
FROM spans
WHERE slot BETWEEN first_slot AND last_slot
GROUP BY slot, observer, rejected, flow_log_id
SETTINGS join_use_nulls = 0;

-- The flows of a time, each record of an interface from one flow log only, and of an overwritten object the version that counts.
CREATE OR REPLACE VIEW {database}.flows_once AS
SELECT f.*
FROM {database}.flows AS f
WHERE f.start >= {from:DateTime('UTC')} AND f.start < {to:DateTime('UTC')}
  AND (toStartOfFiveMinutes(f.start), f.action = 'REJECT', f.interface, f.object_id) NOT IN (
    SELECT slot, rejected, member.1, member.2
    FROM (SELECT slot, rejected, arrayJoin(repeated) AS member FROM {database}.flow_log_overlaps(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}))
  )
  AND f.object_id NOT IN (
    SELECT arrayJoin(arrayFilter(version -> version != counted, versions))
    FROM (
      SELECT groupArray(object_id) AS versions, argMax(object_id, (is_done, written)) AS counted
      FROM (
        SELECT bucket, key, object_id, max(version) AS written, argMax(state, version) = 'done' AS is_done
        FROM {database}.objects
        WHERE slot_start IS NULL OR (toUnixTimestamp(slot_start) >= toUnixTimestamp({from:DateTime('UTC')}) - 86400 AND toUnixTimestamp(slot_start) < toUnixTimestamp({to:DateTime('UTC')}) + 86400)
        GROUP BY bucket, key, object_id
      )
      GROUP BY bucket, key
      HAVING count() > 1
    )
  )
SETTINGS join_use_nulls = 0;

-- As in 0004. newest_dead_letters: of the newest version of each key; those of a version that was replaced make no slot lossy, since the newest
-- one has the lines again.
CREATE OR REPLACE VIEW {database}.coverage AS
SELECT
  c.account_id AS account_id, c.region AS region, c.flow_log_id AS flow_log_id, c.slot AS slot,
  multiIf(failed > 0, 'failed', reading + retrying > 0, 'incomplete', skipdata + newest_dead_letters > 0, 'lossy', 'covered') AS state,
  countIf(c.current) AS objects, countIf(c.current AND c.state = 'done') AS done, countIf(c.current AND c.state = 'reading') AS reading,
  countIf(c.current AND c.state = 'retrying') AS retrying, countIf(c.current AND c.state = 'failed') AS failed, countIf(NOT c.current) AS replaced,
  sumIf(c.size, c.current) AS bytes, sum(c.text_bytes) AS text_bytes, sum(c.lines) AS lines, sum(c.header_lines) AS header_lines,
  sum(c.blank_lines) AS blank_lines, sum(c.flows) AS flows, sum(c.nodata) AS nodata, sum(c.skipdata) AS skipdata, sum(c.dead_letters) AS dead_letters,
  minIf(c.last_modified, c.current) AS first_arrival, maxIf(c.last_modified, c.current) AS last_arrival,
  dateDiff('second', c.slot + 300, last_arrival) AS lateness_s,
  sumIf(c.dead_letters, c.current) AS newest_dead_letters
FROM {database}.object_coverage AS c
GROUP BY c.account_id, c.region, c.flow_log_id, c.slot
SETTINGS join_use_nulls = 0;
