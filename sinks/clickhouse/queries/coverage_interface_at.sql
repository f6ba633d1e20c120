-- What is recorded of an interface in a time: flows and NODATA records that touch it, of every flow log, in object versions that count
-- (object_versions); unclear: records that may be NODATA or SKIPDATA (coverage_interface). Parameters: interface, from, to (both included).
WITH replaced AS (
  SELECT object_id FROM object_versions
  WHERE (slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} - 87060 AND slot_start < {to:DateTime('UTC')} + 86400)) AND NOT counts
    -- few flow logs: to compare the versions of all takes seconds
    AND flow_log_id IN (SELECT flow_log_id FROM objects WHERE (slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} - 87060 AND slot_start < {to:DateTime('UTC')} + 86400)) AND object_id IN (
      SELECT object_id FROM flows WHERE interface IN (SELECT interface FROM interfaces WHERE observer = {interface:String}) AND start >= {from:DateTime('UTC')} - 660 AND start <= {to:DateTime('UTC')}
      UNION ALL
      SELECT object_id FROM flow_gaps WHERE interface_id = {interface:String} AND start >= {from:DateTime('UTC')} - 660 AND start <= {to:DateTime('UTC')}
    ))
)
SELECT tupleElement(recorded, 1) AS flows, tupleElement(recorded, 2) AS unclear,
  (
    SELECT toUInt32(count()) FROM flow_gaps
    WHERE interface_id = {interface:String} AND kind = 'NODATA' AND time_source = 'logged'
      AND start >= {from:DateTime('UTC')} - 660 AND start <= {to:DateTime('UTC')} AND end >= {from:DateTime('UTC')}
      AND object_id NOT IN replaced
  ) AS nodata
FROM (
  SELECT (toUInt32(countIf(NOT says_nothing)), toUInt32(countIf(says_nothing))) AS recorded
  FROM (
    SELECT bitAnd(absent, 4059) = 4059 AND action = '-' AND log_status = '-' AND flow_direction = '-' AS says_nothing
    FROM flows
    WHERE interface IN (SELECT interface FROM interfaces WHERE observer = {interface:String}) AND time_source != 'none'
      AND start >= {from:DateTime('UTC')} - 660 AND start <= {to:DateTime('UTC')} AND start + dur >= {from:DateTime('UTC')}
      AND object_id NOT IN replaced
  )
)
