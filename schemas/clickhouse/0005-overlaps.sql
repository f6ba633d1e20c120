-- Overlapping flow logs: those of a VPC, its subnets and its interfaces each write the traffic of an interface. These views take their days as
-- parameters, `flows_once(from = '2026-11-01 00:00:00', to = '2026-11-02 00:00:00')`, UTC, to not included: what they compare is then bounded.

-- Which flow logs have records of which interface in which 5 minutes of `start`; accepted and rejected apart, because a flow log can be for one
-- of them alone (a record without an action stands with the accepted ones). A flow log is present in every slot that a record spans (11 minutes
-- at most, the longest window and a minute): one with windows of ten minutes overlaps one with windows of one minute in both slots.
-- columns: of the format; lossy: SKIPDATA of this flow log for the interface. Left out: records without an interface, whose object is not in
-- the ledger, or without any time; object versions that a newer one, which is done, has replaced. Empty where the time, with a day before and
-- after it, has objects of one flow log only.
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
    FROM (
      SELECT arrayJoin(groupArray((object_id, flow_log_id, columns, written))) AS object, maxIf(written, is_done) AS newest
      FROM sources GROUP BY bucket, key
    )
    WHERE object.4 >= newest
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

-- Interfaces with several flow logs in one slot. The first of flow_logs is the one that counts: without SKIPDATA before with, the wider format
-- first, then by id. Nothing in the order changes with the number of records, so that the choice stays the same from slot to slot.
CREATE OR REPLACE VIEW {database}.flow_log_overlaps AS
SELECT slot, observer, rejected,
  arrayMap(x -> x.4, ranked) AS flow_logs, ranked[1].4 AS counted,
  arrayMap(x -> x.5, ranked) AS records, arrayMap(x -> x.6, ranked) AS bytes,
  arraySum(x -> x.5, arraySlice(ranked, 2)) AS repeated_records, arraySum(x -> x.6, arraySlice(ranked, 2)) AS repeated_bytes,
  arrayFlatten(arrayMap(x -> x.7, arraySlice(ranked, 2))) AS repeated
FROM (
  SELECT slot, observer, rejected, arraySort(groupArray((lossy, -toInt64(columns), flow_log_id = '', flow_log_id, records, bytes, members))) AS ranked
  FROM {database}.flow_log_presence(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
  GROUP BY slot, observer, rejected
  HAVING count() > 1
)
SETTINGS join_use_nulls = 0;

-- The flows of a time, each record of an interface from one flow log only, and of a replaced object the version that counts.
-- It reads six small columns of the time first, to see what repeats: docs/decisions/0033 says what that costs.
CREATE OR REPLACE VIEW {database}.flows_once AS
SELECT f.*
FROM {database}.flows AS f
WHERE f.start >= {from:DateTime('UTC')} AND f.start < {to:DateTime('UTC')}
  AND (toStartOfFiveMinutes(f.start), f.action = 'REJECT', f.interface, f.object_id) NOT IN (
    SELECT slot, rejected, member.1, member.2
    FROM (SELECT slot, rejected, arrayJoin(repeated) AS member FROM {database}.flow_log_overlaps(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}))
  )
  AND f.object_id NOT IN (
    SELECT object.1
    FROM (
      SELECT arrayJoin(groupArray((object_id, written))) AS object, maxIf(written, state = 'done') AS newest
      FROM (
        SELECT bucket, key, object_id, max(version) AS written, argMax(state, version) AS state
        FROM {database}.objects
        WHERE slot_start IS NULL OR (toUnixTimestamp(slot_start) >= toUnixTimestamp({from:DateTime('UTC')}) - 86400 AND toUnixTimestamp(slot_start) < toUnixTimestamp({to:DateTime('UTC')}) + 86400)
        GROUP BY bucket, key, object_id
      )
      GROUP BY bucket, key
      HAVING count() > 1
    )
    WHERE object.2 < newest
  )
SETTINGS join_use_nulls = 0;
