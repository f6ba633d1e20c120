-- Loss records (SKIPDATA) of an interface that can touch a time; times as Unix seconds. Parameters: interface, from, to, before_s (a record
-- that began so long before from is looked at too).
SELECT toUnixTimestamp(start) AS start, toUnixTimestamp(end) AS end, toString(time_source) AS time_source
FROM flow_gaps
WHERE interface_id = {interface:String} AND kind = 'SKIPDATA' AND time_source != 'none'
  AND start >= {from:DateTime('UTC')} - {before_s:UInt32} AND start < {to:DateTime('UTC')}
ORDER BY start, end
