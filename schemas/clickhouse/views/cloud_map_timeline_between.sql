-- cloud_map_timeline of the addresses in flows of a time, until its end. Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.cloud_map_timeline_between AS
SELECT scope, ip, valid_from, last_seen, interface_id, instance_id, service, conflict_s, ambiguous_until
FROM {database}.cloud_map_timeline
WHERE {in_order:cloud_map_timeline_between} AND valid_from < {to:DateTime('UTC')} AND ip IN (
  SELECT arrayJoin([local_addr, remote_addr])
  FROM {database}.flows
  WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
)
SETTINGS join_use_nulls = 0;
