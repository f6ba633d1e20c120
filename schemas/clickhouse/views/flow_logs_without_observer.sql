-- Flow logs whose format names no interface, resource or attachment, in a time, with the other flow logs of the same account and region: nobody can
-- tell which of their records are of the same traffic, so flows_once counts them beside each other. By the header lines of their objects.
-- Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.flow_logs_without_observer AS
SELECT account_id, region, nameless.1 AS flow_log_id, nameless.2 AS objects, arraySort(arrayFilter(id -> id != flow_log_id, logs.1)) AS beside
FROM (
  SELECT account_id, region, groupArray((flow_log_id, objects, named)) AS logs, arrayJoin(arrayFilter(x -> NOT x.3, logs)) AS nameless
  FROM (
    SELECT toString(account_id) AS account_id, toString(region) AS region, toString(flow_log_id) AS flow_log_id, uniqExact(bucket, key) AS objects,
      -- an object that failed or is being read has no header, and says nothing; a flow log without any header has the default format, which names it
      countIf(header IS NOT NULL) = 0 OR countIf(match(coalesce(header, ''), '(^|[\\s,{"])(interface|resource|tgw[-_]attachment)[-_]id([\\s,}"]|$)')) > 0 AS named
    FROM {database}.objects
    WHERE slot_start >= toStartOfFiveMinutes({from:DateTime('UTC')}) AND slot_start < {to:DateTime('UTC')}
      AND {in_order:flow_logs_without_observer}
    GROUP BY account_id, region, flow_log_id
  )
  GROUP BY account_id, region
  HAVING length(logs) > 1
)
SETTINGS join_use_nulls = 0;
