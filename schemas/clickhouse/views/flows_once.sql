-- The flows of a time, each record of an interface from one flow log only, and of an object that was overwritten or lies under several keys the one
-- that counts. flow_log_overlaps says where nothing was whole (incomplete). Parameters: from, to (not included), UTC.
-- Columns are those of the table: what a record does not say is 0, empty or `-`, and its bit in `absent` is set. flow_log has NULL there.
-- The time in which flow logs are counted is the longest that flow_log_overlaps looks at.
CREATE OR REPLACE VIEW {database}.flows_once AS
SELECT *
FROM {database}.flows_once_by(
  from = {from:DateTime('UTC')},
  to = {to:DateTime('UTC')},
  -- One flow log repeats nothing, and without any object there is nothing to compare. The server makes no count if it is after the columns alone.
  repeats = ['alone', 'alone', 'compared', 'uncounted'][1 + coalesce(least((
    SELECT uniqExact(origin)
    FROM {database}.objects
    WHERE slot_start IS NULL OR (slot_start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 90600) - 90600, 'UTC') AND slot_start < toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 90000, 4294967295), 'UTC'))
  ), 2), 3)]
)
SETTINGS join_use_nulls = 0;
