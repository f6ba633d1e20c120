-- Objects that are not read to their end, and those without a slot in their name (of any time), newest versions only.
-- Parameters: as coverage_flow_logs, but late_s.
SELECT bucket, key, account_id, region, flow_log_id, toUnixTimestamp(slot) AS slot, toString(newest.1) AS state, toString(newest.2) AS error_code,
  newest.3 AS error_detail
FROM (
  SELECT toString(bucket) AS bucket, key, toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id,
    toStartOfFiveMinutes(slot_start) AS slot, argMax((state, error_code, error_detail), version) AS newest
  FROM objects
  WHERE slot_start IS NULL OR (slot_start >= {from:DateTime('UTC')} AND slot_start < {to:DateTime('UTC')})
  GROUP BY bucket, key, account_id, region, flow_log_id, slot
)
WHERE (slot IS NULL OR newest.1 != 'done')
  AND ({account:String} = '' OR account_id = {account:String}) AND ({region:String} = '' OR region = {region:String})
  AND (empty({flow_logs:Array(String)}) OR has({flow_logs:Array(String)}, flow_log_id))
ORDER BY slot, bucket, key
