-- What is recorded of an interface in a time: flows and NODATA records that touch it, of every flow
-- log; unclear: records that may be NODATA or SKIPDATA (coverage_interface). Parameters: interface, from, to (both included).
SELECT tupleElement(recorded, 1) AS flows, tupleElement(recorded, 2) AS unclear,
  (
    SELECT toUInt32(count()) FROM flow_gaps
    WHERE interface_id = {interface:String} AND kind = 'NODATA' AND time_source = 'logged'
      AND start >= {from:DateTime('UTC')} - 660 AND start <= {to:DateTime('UTC')} AND end >= {from:DateTime('UTC')}
  ) AS nodata
FROM (
  SELECT (toUInt32(countIf(NOT says_nothing)), toUInt32(countIf(says_nothing))) AS recorded
  FROM (
    SELECT bitAnd(absent, 4059) = 4059 AND action = '-' AND log_status = '-' AND flow_direction = '-' AS says_nothing
    FROM flows
    WHERE interface IN (SELECT interface FROM interfaces WHERE observer = {interface:String}) AND time_source != 'none'
      AND start >= {from:DateTime('UTC')} - 660 AND start <= {to:DateTime('UTC')} AND start + dur >= {from:DateTime('UTC')}
  )
)
