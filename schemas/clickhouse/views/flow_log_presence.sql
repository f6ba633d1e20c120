-- Which flow logs have records of which interface in which 5 minutes of `start`; accepted and rejected apart, because a flow log can be for one
-- of them alone (a record without an action stands with the accepted ones). A flow log is present in every slot that a record spans (11 minutes
-- at most, the longest window and a minute): one with windows of ten minutes overlaps one with windows of one minute in both slots.
-- flow_log_id: the id; for objects whose name has none, s3:// with their bucket and first folder.
-- columns: of the format; lossy: SKIPDATA of this flow log for the interface; broken: an object of it, in which its records of the slot can stand,
-- is failed, empty, not read to its end or lacks columns, or never came: its slot has none, between others of this flow log. carried: a record of an earlier slot reaches this one. leaving: bytes of records that reach
-- beyond the half hour by the clock in which they begin; entering: those that came over such a border into this slot. last: last second of a record
-- that begins in the slot. Left out: records without an interface, whose object is not in the ledger, or without any time; object versions and
-- copies that do not count. Empty where the time, with a day before and after it, has objects of one flow log only.
-- Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.flow_log_presence AS
WITH
  toStartOfFiveMinutes({from:DateTime('UTC')}) AS first_slot,
  toStartOfFiveMinutes(toDateTime(greatest(toUnixTimestamp({to:DateTime('UTC')}), 1) - 1, 'UTC')) AS last_slot,
  toDateTime(greatest(toUnixTimestamp(first_slot) - 900, 0), 'UTC') AS read_from,
  toDateTime(least(toUnixTimestamp(last_slot) + 300, 4294967295), 'UTC') AS read_to,
  origins AS (
    SELECT object_id, toString(origin) AS flow_log_id, columns
    FROM {database}.object_versions
    WHERE (slot_start IS NULL OR (slot_start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 86700) - 86700, 'UTC') AND slot_start < toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 86400, 4294967295), 'UTC')))
      AND counts
  ),
  unsound AS (
    SELECT flow_log_id, arrayConcat(bad, arrayFlatten(arrayMap((at, gap) -> range(at - gap + 300 + spare, at - spare, 300), known, gaps))) AS slots
    FROM (
      -- how far apart most objects are: a flow log with windows of ten minutes can leave every other slot empty; of one that is seldom there nothing is expected
      SELECT *, arrayDifference(known) AS gaps, arraySort(arrayPopFront(gaps))[intDiv(length(gaps), 2)] AS usual, multiIf(usual <= 300, 0, usual <= 600, 300, 4294967295) AS spare
      FROM (
        SELECT toString(origin) AS flow_log_id, arraySort(groupUniqArray(toInt64(toUnixTimestamp(assumeNotNull(slot))))) AS known,
          groupUniqArrayIf(toInt64(toUnixTimestamp(assumeNotNull(slot))), state != 'done' OR empty OR warning != '') AS bad
        FROM {database}.object_versions
        WHERE (slot_start IS NULL OR (slot_start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 86700) - 86700, 'UTC') AND slot_start < toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 86400, 4294967295), 'UTC')))
          AND current AND NOT copy AND slot IS NOT NULL
        GROUP BY flow_log_id
      )
    )
  ),
  ledger AS (
    SELECT DISTINCT object_id, toString(origin) AS flow_log_id
    FROM {database}.objects
    WHERE slot_start IS NULL OR (slot_start >= toDateTime(greatest(toUnixTimestamp(first_slot), 86400) - 86400, 'UTC') AND slot_start < toDateTime(least(toUnixTimestamp(last_slot) + 86400, 4294967295), 'UTC'))
  ),
  observers AS (
    SELECT interface, observer FROM {database}.interfaces WHERE observer != '' LIMIT 1 BY interface
  ),
  counted AS (
    SELECT toStartOfFiveMinutes(f.start) AS own_slot, f.interface AS interface, f.object_id AS object_id, f.action = 'REJECT' AS rejected,
      count() AS records, sum(f.bytes) AS bytes, max(toUnixTimestamp(f.start) + least(greatest(f.dur, 0), 660)) AS last,
      sumIf(f.bytes, toUnixTimestamp(f.start) + least(greatest(f.dur, 0), 660) >= (intDiv(toUnixTimestamp(f.start), 1800) + 1) * 1800) AS leaving,
      max(f.action = '-') AS bare
    FROM {database}.flows AS f
    WHERE f.start >= read_from AND f.start < read_to AND f.time_source != 'none'
      -- one flow log alone repeats nothing, and nothing is read
      AND (SELECT uniqExact(flow_log_id) FROM ledger) > 1
    GROUP BY own_slot, interface, object_id, rejected
  ),
  spans AS (
    SELECT o.observer AS observer, s.flow_log_id AS flow_log_id, s.columns AS columns, c.rejected AS rejected, c.own_slot AS own_slot,
      c.interface AS interface, c.object_id AS object_id, c.records AS records, c.bytes AS bytes, c.last AS last, c.leaving AS leaving, c.bare AS bare,
      toDateTime(arrayJoin(range(toUInt32(c.own_slot), toUInt32(least(c.last, 4294967294)) + 1, 300)), 'UTC') AS slot
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
  ),
  present AS (
    SELECT slot, observer, rejected, flow_log_id, max(spans.columns) AS columns, max(spans.bare) AS bare,
      sumIf(spans.records, own_slot = slot) AS records, sumIf(spans.bytes, own_slot = slot) AS bytes,
      groupArrayIf((interface, object_id), own_slot = slot) AS members,
      maxIf(spans.last, own_slot = slot) AS last, max(own_slot != slot) AS carried, sumIf(spans.leaving, own_slot = slot) AS leaving,
      sumIf(spans.leaving, own_slot != slot AND toUnixTimestamp(slot) % 1800 = 0) AS entering,
      max(intDiv(spans.last, 300) * 300 - toUnixTimestamp(own_slot)) AS reach
    FROM spans
    GROUP BY slot, observer, rejected, flow_log_id
  )
SELECT p.slot AS slot, observer, rejected, p.flow_log_id AS flow_log_id, columns, (slot, observer, flow_log_id) IN skips AS lossy, records, bytes, members,
  hasAny(u.slots, range(toUnixTimestamp(slot), toUnixTimestamp(slot) + 600 + least(reaches, 600), 300)) AS broken,
  bare, last, carried, leaving, entering
FROM (SELECT *, max(reach) OVER (PARTITION BY flow_log_id) AS reaches FROM present) AS p
LEFT JOIN unsound AS u ON p.flow_log_id = u.flow_log_id
WHERE slot BETWEEN first_slot AND last_slot AND {in_order:flow_log_presence}
SETTINGS join_use_nulls = 0;
