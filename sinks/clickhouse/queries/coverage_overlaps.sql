-- Interfaces whose traffic several flow logs wrote in a time. counted: the one that flows_once takes; incomplete: slots in which none was seen whole.
-- Parameters: from, to.
SELECT observer, arraySort(flow_logs) AS flow_logs, counted, toUInt32(uniqExact(slot)) AS slots, sum(repeated_records) AS repeated,
  toUInt32(uniqExactIf(slot, incomplete)) AS incomplete, toUnixTimestamp(min(slot)) AS first, toUnixTimestamp(max(slot)) AS last
FROM flow_log_overlaps(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
GROUP BY observer, flow_logs, counted
ORDER BY observer, counted
