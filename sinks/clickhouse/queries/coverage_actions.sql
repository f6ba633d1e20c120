-- Which actions some flow logs recorded in a time, of any interface, in object versions that count (object_versions): one that recorded
-- accepted flows is for accepted traffic, or for all. An action '-': a format without that column. Parameters: from, to (not included), flow_logs.
SELECT o.account_id AS account_id, o.region AS region, o.flow_log_id AS flow_log_id, arraySort(groupUniqArrayArray(r.actions)) AS actions
FROM (
  SELECT object_id, groupUniqArray(toString(action)) AS actions
  FROM flows
  WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')} AND time_source != 'none'
    AND NOT (bitAnd(absent, 4059) = 4059 AND action = '-' AND log_status = '-' AND flow_direction = '-')
  GROUP BY object_id
) AS r
INNER JOIN (
  SELECT object_id, toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id
  FROM object_versions
  WHERE counts AND has({flow_logs:Array(String)}, toString(flow_log_id))
    AND (slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} - 86400 AND slot_start < {to:DateTime('UTC')} + 86400))
) AS o ON r.object_id = o.object_id
GROUP BY account_id, region, flow_log_id
SETTINGS join_use_nulls = 0
