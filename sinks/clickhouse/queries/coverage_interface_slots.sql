-- The slots of some flow logs, slot by slot; slot as Unix seconds. Parameters: from, to (whole slots, to not included), flow_logs.
SELECT toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id, toUnixTimestamp(slot) AS slot,
  toUInt32(done) AS done, toUInt32(reading + retrying) AS unread, toUInt32(failed) AS failed, toUInt32(newest_dead_letters) AS dead_letters,
  toUInt32(empty) AS empty, toUInt32(on_their_way) AS on_their_way, toUInt32(removed) AS removed, warnings
FROM coverage_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
WHERE slot >= {from:DateTime('UTC')} AND slot < {to:DateTime('UTC')} AND has({flow_logs:Array(String)}, toString(flow_log_id))
ORDER BY account_id, region, flow_log_id, slot
