-- The last slot of which the ledger has an object, of some flow logs and of a time; slot as Unix seconds. Parameters: from, to, flow_logs.
SELECT toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id,
  toUnixTimestamp(toStartOfFiveMinutes(assumeNotNull(max(slot_start)))) AS last_slot
FROM objects
WHERE slot_start >= {from:DateTime('UTC')} AND slot_start < {to:DateTime('UTC')} AND has({flow_logs:Array(String)}, toString(flow_log_id))
GROUP BY account_id, region, flow_log_id
