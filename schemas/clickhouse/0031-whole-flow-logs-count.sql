-- Which of several flow logs counts: one that has the whole traffic before one that lacks some of it. What several flow logs saw of an interface is the
-- same traffic, so one with fewer bytes lacks some: it began or ended there, an object did not come or could not be read, or records were lost.

-- Which flow logs have records of which interface in which 5 minutes of `start`; accepted and rejected apart, because a flow log can be for one
-- of them alone (a record without an action stands with the accepted ones). A flow log is present in every slot that a record spans (11 minutes
-- at most, the longest window and a minute): one with windows of ten minutes overlaps one with windows of one minute in both slots.
-- columns: of the format; lossy: SKIPDATA of this flow log for the interface; broken: an object of it, in which its records of the slot can stand,
-- is failed, empty, not read to its end or lacks columns. carried: a record of an earlier slot reaches this one. leaving: bytes of records that reach
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
    SELECT object_id, toString(flow_log_id) AS flow_log_id, columns
    FROM {database}.object_versions
    WHERE (slot_start IS NULL OR (slot_start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 86700) - 86700, 'UTC') AND slot_start < toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 86400, 4294967295), 'UTC')))
      AND counts
  ),
  unsound AS (
    SELECT toString(flow_log_id) AS flow_log_id, groupUniqArray(toUnixTimestamp(assumeNotNull(slot))) AS slots
    FROM {database}.object_versions
    WHERE (slot_start IS NULL OR (slot_start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 86700) - 86700, 'UTC') AND slot_start < toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 86400, 4294967295), 'UTC')))
      AND current AND NOT copy AND slot IS NOT NULL AND (state != 'done' OR empty OR warning != '')
    GROUP BY flow_log_id
  ),
  ledger AS (
    SELECT DISTINCT object_id, toString(flow_log_id) AS flow_log_id
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
    INNER JOIN ledger AS s ON g.object_id = s.object_id
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
WHERE slot BETWEEN first_slot AND last_slot
SETTINGS join_use_nulls = 0;

-- Interfaces with several flow logs in one slot, and which of them counts. Slots that a record reaches over are decided together, as one stretch, at
-- most to the half hour by the clock; all flow logs that have a stretch whole have the same bytes in it. A flow log lacks some of a stretch if another
-- has more bytes than it can have (short), if it has no record in a slot of it, or next to it, in which another has some (partial), or if it is
-- lossy or broken. Of those that lack nothing the one with the wider format counts, then by id: nothing in this order changes with the number of
-- records, so that the choice stays the same. Where each lacks some, the one with most bytes counts, and incomplete is 1: the true bytes are that
-- many or more. Where one ends in a stretch in which another begins (and neither is lossy or broken), the first one counts, and of the second one
-- the records that begin after the last minute of the first one; that is incomplete too, since nobody knows whether the one was
-- whole until the other was. counted: the flow log that counts (the first one); flow_logs: those with records in the slot, by that order; repeated: interface and object
-- of records that do not count; until: of those in `later` the records do not count that begin before. Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.flow_log_overlaps AS
WITH
  toStartOfFiveMinutes({from:DateTime('UTC')}) AS first_slot,
  toStartOfFiveMinutes(toDateTime(greatest(toUnixTimestamp({to:DateTime('UTC')}), 1) - 1, 'UTC')) AS last_slot
SELECT toDateTime(at, 'UTC') AS slot, observer, rejected, arrayMap(x -> x.3, logs) AS flow_logs, counted,
  arrayMap(x -> x.4, logs) AS records, arrayMap(x -> x.5, logs) AS bytes,
  arraySum(x -> x.4, others) AS repeated_records, arraySum(x -> x.5, others) AS repeated_bytes, arrayFlatten(arrayMap(x -> x.6, others)) AS repeated,
  incomplete, arrayFlatten(arrayMap(x -> x.6, arrayFilter(x -> x.2, logs))) AS later, until
FROM (
  -- slot by slot: place, is later, id, records, bytes, members of each flow log
  SELECT part.1 AS at, observer, rejected, any(winner) AS counted, any(lacking) AS incomplete, any(begin) AS until,
    arraySort(groupArray((log.1, log.2, log.3, part.2, part.3, part.4))) AS logs, arrayFilter(x -> (x.1 > 1) > x.2, logs) AS others
  FROM (
    SELECT observer, rejected, winner,
      -- a choice that is not the one of every other stretch, at a border that records reach over, is exact but for their bytes
      greatest(ranked[1].1, least(bordering, winner != preferred)) AS lacking,
      if(meets, intDiv(ranked[1].7, 60) * 60 + 60, 0) AS begin,
      arrayJoin(arrayMap((x, place) -> (place, least(meets, x.6 = second), x.6, x.10), ranked, arrayEnumerate(ranked))) AS log
    FROM (
      SELECT observer, rejected, bordering, preferred, second, meets, ranked, ranked[1].6 AS winner
      FROM (
        SELECT observer, rejected, bordering, preferred, second, least(second != '', first != '', all[1].1) AS meets,
          arraySort(x -> (least(meets, x.6 != first), x.1, x.2, x.3, x.4, x.5), all) AS ranked
        FROM (
          SELECT observer, rejected, bordering, preferred, all, arrayFirst(x -> x.8, all).6 AS first, arrayFirst(x -> x.9, all).6 AS second
          FROM (
            -- of a flow log: lacks some, bytes if so, columns, no id, id, id, last second, is there at the beginning only, at the end only, slots
            SELECT observer, rejected, bordering, arraySort(x -> (-toInt64(x.2), x.1 = '', x.1), stretches)[1].1 AS preferred,
              arraySort(x -> (x.1, x.2, x.3, x.4, x.5), arrayMap((x, lacks) -> (
                lacks, if(lacks, -x.6, 0), -toInt64(x.2), x.1 = '', x.1, x.1, x.10,
                x.9 > greatest(x.8, x.3, x.4), x.8 > greatest(x.9, x.3, x.4), x.11
              ), stretches, arrayMap(x -> greatest(x.8, x.9, x.3, x.4, if(x.5, most, most_named) > x.7), stretches))) AS all
            FROM (
              SELECT observer, rejected, max(borders) AS bordering, max(least_bytes) AS most, max(if(bare, 0, least_bytes)) AS most_named,
                groupArray((flow_log_id, columns, lossy, broken, bare, least_bytes, most_bytes, begins, ends, last, slots)) AS stretches
              FROM (
                SELECT observer, rejected, stretch, log.1 AS flow_log_id, max(log.2) AS columns, max(log.3) AS lossy, max(log.4) AS broken, max(log.5) AS bare,
                  toInt64(sum(log.7) - sum(log.10)) AS least_bytes, toInt64(sum(log.7) + sum(if(at = stretch, log.11, 0))) AS most_bytes,
                  max(least(before = at - 300, before_filled, NOT has(before_ids, cityHash64(log.1)))) AS begins,
                  max(least(after = at + 300, after_filled, NOT has(after_ids, cityHash64(log.1)))) AS ends,
                  max(log.9) AS last, groupArray((at, log.6, log.7, log.8)) AS slots,
                  max(log.10 + if(at = stretch, log.11, 0) > 0) AS borders
                FROM (
                  -- one row a slot; ids are hashes, because text is slow to take from a neighbour
                  SELECT observer, rejected, at, logs,
                    max(if(greatest(at % 1800 = 0, NOT joined), at, 0)) OVER (PARTITION BY observer, rejected ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stretch,
                    lagInFrame(at) OVER beside AS before, lagInFrame(filled) OVER beside AS before_filled, lagInFrame(ids) OVER beside AS before_ids,
                    leadInFrame(at) OVER beside AS after, leadInFrame(filled) OVER beside AS after_filled, leadInFrame(ids) OVER beside AS after_ids,
                    min(first_id) OVER whole AS least_id, max(last_id) OVER whole AS greatest_id
                  FROM (
                    SELECT observer, rejected, toInt64(toUnixTimestamp(slot)) AS at, max(carried) AS joined, max(records > 0) AS filled,
                      groupArray(cityHash64(flow_log_id)) AS ids, min(flow_log_id) AS first_id, max(flow_log_id) AS last_id,
                      groupArray((flow_log_id, columns, lossy, broken, bare, records, bytes, members, last, leaving, entering)) AS logs
                    FROM {database}.flow_log_presence(
                      from = toString(toDateTime(greatest(intDiv(toUnixTimestamp({from:DateTime('UTC')}), 1800) * 1800, 300) - 300, 'UTC'), 'UTC'),
                      to = toString(toDateTime(least((intDiv(greatest(toUnixTimestamp({to:DateTime('UTC')}), 1) - 1, 1800) + 1) * 1800 + 300, 4294967295), 'UTC'), 'UTC')
                    )
                    GROUP BY observer, rejected, slot
                  )
                  WINDOW beside AS (PARTITION BY observer, rejected ORDER BY at ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING),
                    whole AS (PARTITION BY observer, rejected)
                )
                ARRAY JOIN logs AS log
                WHERE least_id != greatest_id
                GROUP BY observer, rejected, stretch, log.1
              )
              GROUP BY observer, rejected, stretch
              HAVING count() > 1
            )
          )
        )
      )
    )
  )
  ARRAY JOIN log.4 AS part
  GROUP BY at, observer, rejected
  HAVING length(logs) + logs[1].1 > 2
)
WHERE least(slot >= first_slot, slot <= last_slot)
SETTINGS join_use_nulls = 0;

-- What flows_once reads. repeats: compared, or alone where the time has objects of one flow log only; a name, because the server looks through only
-- that expression which is named, and the comparison is a long one. Parameters: from, to (not included), UTC; repeats.
CREATE OR REPLACE VIEW {database}.flows_once_by AS
WITH
  1 AS alone,
  -- minutes of which the records do not count
  (toUnixTimestamp(toStartOfMinute(f.start)), f.action = 'REJECT', f.interface, f.object_id) NOT IN (
    SELECT minute, rejected, member.1, member.2
    FROM (
      SELECT rejected, member, arrayJoin(range(toUnixTimestamp(slot), toUnixTimestamp(slot) + 300, 60)) AS minute
      FROM (
        SELECT slot, rejected, until, arrayJoin(arrayConcat(arrayMap(m -> (m.1, m.2, 0), repeated), arrayMap(m -> (m.1, m.2, 1), later))) AS member
        FROM {database}.flow_log_overlaps(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
      )
      WHERE member.3 = 0 OR minute < until
    )
  ) AS compared
SELECT f.*
FROM {database}.flows AS f
WHERE f.start >= {from:DateTime('UTC')} AND f.start < {to:DateTime('UTC')}
  AND {repeats:Identifier}
  AND f.object_id NOT IN (
    SELECT object_id
    FROM {database}.object_versions
    WHERE (slot_start IS NULL OR (slot_start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 86700) - 86700, 'UTC') AND slot_start < toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 86400, 4294967295), 'UTC')))
      AND NOT counts
  )
SETTINGS join_use_nulls = 0;

-- The flows of a time, each record of an interface from one flow log only, and of an object that was overwritten or lies under several keys the one
-- that counts. flow_log_overlaps says where nothing was whole (incomplete). Parameters: from, to (not included), UTC.
-- The time in which flow logs are counted is the longest that flow_log_overlaps looks at.
CREATE OR REPLACE VIEW {database}.flows_once AS
SELECT *
FROM {database}.flows_once_by(
  from = {from:DateTime('UTC')},
  to = {to:DateTime('UTC')},
  -- anything but one flow log, and a count that the server has not made, is compared: slower, and never twice
  repeats = if(coalesce((
    SELECT uniqExact(flow_log_id)
    FROM {database}.objects
    WHERE slot_start IS NULL OR (slot_start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 90000) - 90000, 'UTC') AND slot_start < toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 90000, 4294967295), 'UTC'))
  ), 0) = 1, 'alone', 'compared')
)
SETTINGS join_use_nulls = 0;

-- Flow logs whose format names no interface, resource or attachment, in a time, with the other flow logs of the same account and region: nobody can
-- tell which of their records are of the same traffic, so flows_once counts them beside each other. By the header lines of their objects.
-- Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.flow_logs_without_observer AS
SELECT account_id, region, nameless.1 AS flow_log_id, nameless.2 AS objects, arraySort(arrayFilter(id -> id != flow_log_id, logs.1)) AS beside
FROM (
  SELECT account_id, region, groupArray((flow_log_id, objects, named)) AS logs, arrayJoin(arrayFilter(x -> NOT x.3, logs)) AS nameless
  FROM (
    SELECT toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id, uniqExact(object_id) AS objects,
      max(match(coalesce(header, 'interface-id'), '(interface|resource|tgw.attachment).id')) AS named
    FROM {database}.objects
    WHERE slot_start >= toStartOfFiveMinutes({from:DateTime('UTC')}) AND slot_start < {to:DateTime('UTC')}
    GROUP BY account_id, region, flow_log_id
  )
  GROUP BY account_id, region
  HAVING length(logs) > 1
)
SETTINGS join_use_nulls = 0;
