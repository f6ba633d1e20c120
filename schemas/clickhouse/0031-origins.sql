-- What tells flow logs apart: the id, or for an object whose name has none the bucket and its first folder, unless that is a date, a task or an
-- interface. A stream of Firehose and an export of the same flow log are so two flow logs, and are compared.
ALTER TABLE {database}.objects ADD COLUMN IF NOT EXISTS origin LowCardinality(String)
  MATERIALIZED if(flow_log_id != '', toString(flow_log_id), concat('s3://', bucket, '/',
    if(match(key, '^([0-9][0-9TZ_.:-]*|[0-9a-f]{8}-[0-9a-f-]{27}|eni-[^/]*|[^/]*=[^/]*)/'), '', extract(key, '^[^/]+/'))));
ALTER TABLE {database}.objects MATERIALIZE COLUMN origin;
