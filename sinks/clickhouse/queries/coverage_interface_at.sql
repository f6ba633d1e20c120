-- What is recorded of an interface in a time: flows and NODATA records that touch it, of every flow
-- log. Parameters: interface, from, to (both included).
SELECT
  (
    SELECT toUInt32(count()) FROM flows
    WHERE interface IN (SELECT interface FROM interfaces WHERE observer = {interface:String}) AND time_source != 'none'
      AND start >= {from:DateTime('UTC')} - 660 AND start <= {to:DateTime('UTC')} AND start + dur >= {from:DateTime('UTC')}
  ) AS flows,
  (
    SELECT toUInt32(count()) FROM flow_gaps
    WHERE interface_id = {interface:String} AND kind = 'NODATA' AND time_source = 'logged'
      AND start >= {from:DateTime('UTC')} - 660 AND start <= {to:DateTime('UTC')} AND end >= {from:DateTime('UTC')}
  ) AS nodata
