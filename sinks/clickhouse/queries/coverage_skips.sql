-- Interfaces with SKIPDATA in a time, in object versions that count (object_versions): how many records, and from when to when. One
-- such record can stand for many flows. Parameters: as coverage_flow_logs, but late_s.
SELECT g.interface_id AS interface_id, o.flow_log_id AS flow_log_id, toUInt32(count()) AS records,
  toUnixTimestamp(min(g.start)) AS first, toUnixTimestamp(max(g.end)) AS last
FROM flow_gaps AS g
LEFT ANY JOIN (
  SELECT DISTINCT object_id, toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id
  FROM objects
  WHERE slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} - 86400 AND slot_start < {to:DateTime('UTC')} + 86400)
) AS o ON g.object_id = o.object_id
WHERE g.kind = 'SKIPDATA' AND g.start >= {from:DateTime('UTC')} - 660 AND g.start < {to:DateTime('UTC')} AND g.end >= {from:DateTime('UTC')}
  AND g.object_id NOT IN (
    SELECT object_id FROM object_versions
    WHERE (slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} - 86400 AND slot_start < {to:DateTime('UTC')} + 86400)) AND NOT counts
      -- few flow logs: to compare the versions of all takes seconds
      AND flow_log_id IN (SELECT flow_log_id FROM objects WHERE (slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} - 86400 AND slot_start < {to:DateTime('UTC')} + 86400)) AND object_id IN (
        SELECT object_id FROM flow_gaps WHERE kind = 'SKIPDATA' AND start >= {from:DateTime('UTC')} - 660 AND start < {to:DateTime('UTC')}
      ))
  )
  AND ({account:String} = '' OR o.account_id = {account:String}) AND ({region:String} = '' OR o.region = {region:String})
  AND (empty({flow_logs:Array(String)}) OR has({flow_logs:Array(String)}, o.flow_log_id))
GROUP BY interface_id, flow_log_id
ORDER BY interface_id, flow_log_id
SETTINGS join_use_nulls = 0
