-- Objects that are not read to their end, that are empty, and those without a slot in their name (uploaded in the time, or nobody knows when); newest versions only, and none that
-- a copy under another key stands for. Parameters: as coverage_flow_logs, but late_s.
SELECT toString(bucket) AS bucket, key, toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id,
  toUnixTimestamp(slot) AS slot, if(empty, 'empty', state) AS state, error_code, error_detail
FROM object_versions
WHERE current AND NOT copy AND ((slot_start IS NULL AND coalesce(last_modified >= {from:DateTime('UTC')} AND last_modified < {to:DateTime('UTC')}, 1)) OR (slot_start >= {from:DateTime('UTC')} AND slot_start < {to:DateTime('UTC')})) AND (slot IS NULL OR state != 'done')
  AND ({account:String} = '' OR account_id = {account:String}) AND ({region:String} = '' OR region = {region:String})
  AND (empty({flow_logs:Array(String)}) OR has({flow_logs:Array(String)}, toString(flow_log_id)))
ORDER BY slot, bucket, key
