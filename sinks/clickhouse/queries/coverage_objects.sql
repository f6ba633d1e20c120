-- Objects that are not read to their end, and those without a slot in their name (of any time), newest versions only.
-- Parameters: as coverage_flow_logs, but late_s.
SELECT bucket, key, toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id,
  toUnixTimestamp(slot) AS slot, state, error_code, error_detail, toUInt32(lines) AS lines
FROM object_coverage
WHERE ((slot >= {from:DateTime('UTC')} AND slot < {to:DateTime('UTC')} AND state != 'done') OR slot IS NULL) AND current
  AND ({account:String} = '' OR account_id = {account:String}) AND ({region:String} = '' OR region = {region:String})
  AND (empty({flow_logs:Array(String)}) OR has({flow_logs:Array(String)}, toString(flow_log_id)))
ORDER BY slot, bucket, key
