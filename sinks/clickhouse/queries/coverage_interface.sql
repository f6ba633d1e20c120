-- Flow logs that have records of an interface (its id; else that of a resource or a transit gateway attachment), with the first and the last
-- second of those; of a time, every record of each flow log, in object versions that count (object_versions). times: the same of the records that begin
-- in one minute, in their order. wholes: first and last second of NODATA and SKIPDATA records, which are whole windows; longs: first seconds of flows of more than 120 s, one a minute; both only of logged times. unclear: records that say nothing of a flow, of a format without log-status (NODATA or SKIPDATA); these are not among the flows. Parameters: interface, seen_from, seen_to.
-- The versions that do not count stand here and in coverage_interface_gaps, coverage_interface_at and coverage_skips, each for its own time and records: a view with
-- parameters would be planned twice (object_versions), and whether that costs was not measured.
SELECT o.account_id AS account_id, o.region AS region, o.flow_log_id AS flow_log_id, toUnixTimestamp(min(r.first)) AS first_seen,
  toUnixTimestamp(max(r.last)) AS last_seen, toUInt32(sum(r.flows)) AS flows, toUInt32(sum(r.nodata)) AS nodata, toUInt32(sum(r.skipdata)) AS skipdata, toUInt32(sum(r.unclear)) AS unclear,
  arraySort(groupUniqArrayArray(r.actions)) AS actions, arraySort(groupArray((toUnixTimestamp(r.first), toUnixTimestamp(r.last)))) AS times,
  arraySort(groupUniqArrayArray(r.wholes)) AS wholes, arraySort(groupUniqArrayArray(r.longs)) AS longs
FROM (
  SELECT object_id, toStartOfMinute(start) AS minute, min(start) AS first, max(start + least(greatest(dur, 0), 660)) AS last, countIf(NOT (bitAnd(absent, 4059) = 4059 AND action = '-' AND log_status = '-' AND flow_direction = '-' AS says_nothing)) AS flows, 0 AS nodata, 0 AS skipdata,
    countIf(says_nothing) AS unclear, groupUniqArrayIf(toString(action), NOT says_nothing) AS actions,
    CAST([], 'Array(Tuple(UInt32, UInt32))') AS wholes, if(countIf(time_source = 'logged' AND dur > 120 AND dur <= 660 AS is_long) > 0, [toUnixTimestamp(minIf(start, is_long))], []) AS longs
  FROM flows
  WHERE interface IN (SELECT interface FROM interfaces WHERE observer = {interface:String})
    AND start >= {seen_from:DateTime('UTC')} AND start < {seen_to:DateTime('UTC')} AND time_source != 'none'
  GROUP BY object_id, minute
  UNION ALL
  SELECT object_id, toStartOfMinute(start) AS minute, min(start) AS first, max(least(end, start + 660)) AS last, 0 AS flows, countIf(kind = 'NODATA') AS nodata,
    countIf(kind = 'SKIPDATA') AS skipdata, 0 AS unclear, [] AS actions,
    groupUniqArrayIf((toUnixTimestamp(start), toUnixTimestamp(end)), time_source = 'logged' AND end >= start AND end <= start + 660) AS wholes, CAST([], 'Array(UInt32)') AS longs
  FROM flow_gaps
  WHERE interface_id = {interface:String} AND start >= {seen_from:DateTime('UTC')} AND start < {seen_to:DateTime('UTC')} AND time_source != 'none'
  GROUP BY object_id, minute
) AS r
LEFT ANY JOIN (
  SELECT DISTINCT object_id, toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id
  FROM objects
  WHERE slot_start IS NULL OR (slot_start >= {seen_from:DateTime('UTC')} - 86400 AND slot_start < {seen_to:DateTime('UTC')} + 86400)
) AS o ON r.object_id = o.object_id
WHERE r.object_id NOT IN (
  SELECT object_id FROM object_versions
  WHERE (slot_start IS NULL OR (slot_start >= {seen_from:DateTime('UTC')} - 86400 AND slot_start < {seen_to:DateTime('UTC')} + 86400)) AND NOT counts
    -- few flow logs: to compare the versions of all takes seconds
    AND flow_log_id IN (SELECT flow_log_id FROM objects WHERE (slot_start IS NULL OR (slot_start >= {seen_from:DateTime('UTC')} - 86400 AND slot_start < {seen_to:DateTime('UTC')} + 86400)) AND object_id IN (
      SELECT object_id FROM flows WHERE interface IN (SELECT interface FROM interfaces WHERE observer = {interface:String}) AND start >= {seen_from:DateTime('UTC')} AND start < {seen_to:DateTime('UTC')}
      UNION ALL
      SELECT object_id FROM flow_gaps WHERE interface_id = {interface:String} AND start >= {seen_from:DateTime('UTC')} AND start < {seen_to:DateTime('UTC')}
    ))
)
GROUP BY account_id, region, flow_log_id
ORDER BY account_id, region, flow_log_id
SETTINGS join_use_nulls = 0
