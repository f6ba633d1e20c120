-- What flows_once reads. repeats: compared; alone if the time has objects of one flow log at most; uncounted if nobody counted them. It is a name,
-- because the server looks through only that expression which is named, and the comparison is a long one. Parameters: from, to (not included), UTC; repeats.
CREATE OR REPLACE VIEW {database}.flows_once_by AS
WITH
  1 AS alone,
  -- of the columns it says what they are, and rows it does not give
  throwIf(toUnixTimestamp(f.start) >= 0, 'flows_once: the flow logs of the time were not counted') = 0 AS uncounted,
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
  AND {in_order:flows_once}
  AND {repeats:Identifier}
  AND f.object_id NOT IN (
    SELECT object_id
    FROM {database}.object_versions
    WHERE (slot_start IS NULL OR (slot_start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 86700) - 86700, 'UTC') AND slot_start < toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 86400, 4294967295), 'UTC')))
      AND NOT counts
  )
SETTINGS join_use_nulls = 0;
