-- Flow logs of a time whose format names no interface, with the other flow logs of their account and region: what both wrote counts twice.
-- Parameters: as coverage_flow_logs, but late_s.
SELECT account_id, region, flow_log_id, toUInt32(objects) AS objects, beside
FROM flow_logs_without_observer(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
WHERE ({account:String} = '' OR account_id = {account:String}) AND ({region:String} = '' OR region = {region:String})
  AND (empty({flow_logs:Array(String)}) OR hasAny({flow_logs:Array(String)}, arrayPushBack(beside, flow_log_id)))
ORDER BY account_id, region, flow_log_id
