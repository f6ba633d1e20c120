-- What was read of each flow log in a time, one row per account, region and flow log; slots as Unix seconds. A row without objects: the flow log
-- is known from another time. first_known, last_known and last_known_arrival are of all times.
-- Parameters: from, to (whole slots, to not included), account, region (empty: any), flow_logs (empty: any), late_s.
SELECT
  k.account_id AS account_id, k.region AS region, k.flow_log_id AS flow_log_id,
  toUnixTimestamp(k.first_known) AS first_known, toUnixTimestamp(k.last_known) AS last_known, toUnixTimestamp(k.last_known_arrival) AS last_known_arrival,
  c.objects AS objects, c.done AS done, c.reading AS reading, c.retrying AS retrying, c.failed AS failed, c.replaced AS replaced,
  c.copies AS copies, c.empty AS empty, c.warned AS warned, c.warnings AS warnings,
  c.on_their_way AS on_their_way, c.removed AS removed, c.repeated AS repeated, c.unclear AS unclear, c.bytes AS bytes, c.lines AS lines, c.flows AS flows, c.nodata AS nodata, c.skipdata AS skipdata, c.dead_letters AS dead_letters,
  toUnixTimestamp(c.first_arrival) AS first_arrival, toUnixTimestamp(c.last_arrival) AS last_arrival,
  c.done_slots AS done_slots, c.late_slots AS late_slots, c.late_by AS late_by, c.dead_slots AS dead_slots
FROM (
  SELECT toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id,
    min(toStartOfFiveMinutes(slot_start)) AS first_known, max(toStartOfFiveMinutes(slot_start)) AS last_known, max(last_modified) AS last_known_arrival
  FROM objects
  WHERE slot_start IS NOT NULL
  GROUP BY account_id, region, flow_log_id
) AS k
LEFT JOIN (
  SELECT toString(s.account_id) AS account_id, toString(s.region) AS region, toString(s.flow_log_id) AS flow_log_id,
    sum(s.objects) AS objects, sum(s.done) AS done, sum(s.reading) AS reading, sum(s.retrying) AS retrying, sum(s.failed) AS failed,
    sum(s.replaced) AS replaced, sum(s.copies) AS copies, sum(s.empty) AS empty, sum(s.warned) AS warned, groupUniqArrayArray(s.warnings) AS warnings,
    sum(s.on_their_way) AS on_their_way, sum(s.removed) AS removed, sum(s.repeated) AS repeated, sum(s.unclear) AS unclear, sum(s.bytes) AS bytes, sum(s.lines) AS lines, sum(s.flows) AS flows, sum(s.nodata) AS nodata,
    sum(s.skipdata) AS skipdata, sum(s.dead_letters) AS dead_letters, min(s.first_arrival) AS first_arrival, max(s.last_arrival) AS last_arrival,
    groupArrayIf(toUnixTimestamp(s.slot), s.done > 0) AS done_slots,
    groupArrayIf(toUnixTimestamp(s.slot), s.lateness_s > {late_s:Int64}) AS late_slots,
    groupArrayIf(toInt32(s.lateness_s), s.lateness_s > {late_s:Int64}) AS late_by,
    groupArrayIf(toUnixTimestamp(s.slot), s.newest_dead_letters > 0) AS dead_slots
  FROM coverage_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS s
  WHERE s.slot >= {from:DateTime('UTC')} AND s.slot < {to:DateTime('UTC')}
  GROUP BY account_id, region, flow_log_id
) AS c ON k.account_id = c.account_id AND k.region = c.region AND k.flow_log_id = c.flow_log_id
WHERE ({account:String} = '' OR account_id = {account:String}) AND ({region:String} = '' OR region = {region:String})
  AND (empty({flow_logs:Array(String)}) OR has({flow_logs:Array(String)}, flow_log_id))
ORDER BY account_id, region, flow_log_id
SETTINGS join_use_nulls = 0
