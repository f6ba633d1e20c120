-- Records of an interface, in object versions that count (object_versions), that can touch a time and say that flows were lost (SKIPDATA), or may say so (unclear: nothing of a flow, in a format
-- without log-status, so NODATA or SKIPDATA); times as Unix seconds. Parameters: interface, from, to, before_s (a record that began so long before
-- from is looked at too), account, region, flow_logs (empty: any; a record whose object the ledger does not know too).
SELECT toUnixTimestamp(start) AS start, toUnixTimestamp(last) AS end, time_source, unclear
FROM (
  SELECT start, end AS last, toString(time_source) AS time_source, object_id, 0 AS unclear
  FROM flow_gaps
  WHERE interface_id = {interface:String} AND kind = 'SKIPDATA' AND time_source != 'none'
    AND start >= {from:DateTime('UTC')} - {before_s:UInt32} AND start < {to:DateTime('UTC')}
  UNION ALL
  SELECT start, start + least(greatest(dur, 0), 660) AS last, toString(time_source) AS time_source, object_id, 1 AS unclear
  FROM flows
  WHERE interface IN (SELECT interface FROM interfaces WHERE observer = {interface:String}) AND time_source != 'none'
    AND start >= {from:DateTime('UTC')} - {before_s:UInt32} AND start < {to:DateTime('UTC')}
    AND bitAnd(absent, 4059) = 4059 AND action = '-' AND log_status = '-' AND flow_direction = '-'
)
WHERE object_id NOT IN (
  SELECT object_id FROM object_versions
  WHERE (slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} - {before_s:UInt32} - 86400 AND slot_start < {to:DateTime('UTC')} + 86400)) AND NOT counts
    -- few flow logs: to compare the versions of all takes seconds
    AND flow_log_id IN (SELECT flow_log_id FROM objects WHERE (slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} - {before_s:UInt32} - 86400 AND slot_start < {to:DateTime('UTC')} + 86400)) AND object_id IN (
      SELECT object_id FROM flows WHERE interface IN (SELECT interface FROM interfaces WHERE observer = {interface:String}) AND start >= {from:DateTime('UTC')} - {before_s:UInt32} AND start < {to:DateTime('UTC')}
      UNION ALL
      SELECT object_id FROM flow_gaps WHERE interface_id = {interface:String} AND start >= {from:DateTime('UTC')} - {before_s:UInt32} AND start < {to:DateTime('UTC')}
    ))
)
AND (({account:String} = '' AND {region:String} = '' AND empty({flow_logs:Array(String)})) OR object_id IN (
  SELECT object_id
  FROM objects
  WHERE ({account:String} = '' OR account_id = {account:String}) AND ({region:String} = '' OR region = {region:String})
    AND (empty({flow_logs:Array(String)}) OR has({flow_logs:Array(String)}, toString(flow_log_id)))
    AND (slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} - 86400 AND slot_start < {to:DateTime('UTC')} + 86400))
))
ORDER BY start, end
