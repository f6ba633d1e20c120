-- Each flow with the owner of its two addresses at the flow's own start. Where the record names its interface and its direction is known, the local
-- owner is that interface. Else, and for the remote address, the map answers in the flow's own scope; for a remote address then among the AWS services.
-- start is NULL if nothing says the time; no owner is known then.
-- State: held (named by the record, or seen then or at most 10 minutes before), ambiguous (the record names the interface, but its direction is only
-- inferred and the map does not agree; or held, but in that run others were seen with the address too, for conflict_s seconds, or may have come later
-- around midnight, see cloud_map_timeline), last-known (seen before that and by nobody since), NULL (no owner is known).
CREATE OR REPLACE VIEW {database}.flow_owners AS
WITH
  runs AS (
    SELECT scope, ip, valid_from, last_seen, interface_id, instance_id, conflict_s, ambiguous_until, 1 AS known FROM {database}.cloud_map_timeline
  ),
  services AS (
    SELECT ip, valid_from, last_seen, service, conflict_s, ambiguous_until, 1 AS known FROM {database}.cloud_map_timeline WHERE scope = 'aws'
  ),
  scoped AS (
    SELECT f.*, i.scope AS scope, i.observer AS observer, i.instance_id AS instance_id, if(f.direction = 'unknown', '', i.interface_id) AS own_interface
    FROM (
    -- two parts, because a condition on "if(...)" would read all days
    SELECT *, toNullable(start) AS known_start FROM {database}.flows WHERE time_source != 'none'
    UNION ALL
    SELECT *, CAST(NULL, 'Nullable(DateTime(\'UTC\'))') AS known_start FROM {database}.flows WHERE time_source = 'none'
  ) AS f
    LEFT ANY JOIN (SELECT interface, scope, observer, interface_id, instance_id FROM {database}.interfaces) AS i ON f.interface = i.interface
  )
SELECT
  s.known_start AS start, s.dur AS dur, s.scope AS scope, s.observer AS observer, toString(s.direction) AS direction, toString(s.action) AS action, s.protocol AS protocol,
  s.local_addr AS local_addr, s.local_port AS local_port, s.remote_addr AS remote_addr, s.remote_port AS remote_port, s.packets AS packets, s.bytes AS bytes,
  nullIf(if(s.own_interface != '', s.own_interface, l.interface_id), '') AS local_interface_id,
  nullIf(multiIf(s.own_interface = '', l.instance_id, s.instance_id != '', s.instance_id, l.interface_id = s.own_interface AND toUnixTimestamp(s.start) <= toUnixTimestamp(l.last_seen) + 600, l.instance_id, ''), '') AS local_instance_id,
  multiIf(s.own_interface != '', if(toString(s.direction_source) IN ('logged', 'own_network') OR (l.interface_id = s.own_interface AND toUnixTimestamp(s.start) <= toUnixTimestamp(l.last_seen) + 600), 'held', 'ambiguous'), l.known = 0, NULL, toUnixTimestamp(s.start) > toUnixTimestamp(l.last_seen) + 600, 'last-known', l.conflict_s > 0 OR s.start < l.ambiguous_until, 'ambiguous', 'held') AS local_state,
  nullIf(r.interface_id, '') AS remote_interface_id,
  nullIf(r.instance_id, '') AS remote_instance_id,
  nullIf(a.service, '') AS remote_service,
  multiIf(
    r.known = 1, multiIf(toUnixTimestamp(s.start) > toUnixTimestamp(r.last_seen) + 600, 'last-known', r.conflict_s > 0 OR s.start < r.ambiguous_until, 'ambiguous', 'held'),
    a.known = 1, multiIf(toUnixTimestamp(s.start) > toUnixTimestamp(a.last_seen) + 600, 'last-known', a.conflict_s > 0 OR s.start < a.ambiguous_until, 'ambiguous', 'held'),
    NULL
  ) AS remote_state,
  s.interface AS interface, s.object_id AS object_id, s.line AS line,
  l.conflict_s AS local_conflict_s, r.conflict_s AS remote_conflict_s
FROM scoped AS s
ASOF LEFT JOIN runs AS l ON s.scope = l.scope AND s.local_addr = l.ip AND s.start >= l.valid_from
ASOF LEFT JOIN runs AS r ON s.scope = r.scope AND s.remote_addr = r.ip AND s.start >= r.valid_from
ASOF LEFT JOIN services AS a ON s.remote_addr = a.ip AND s.start >= a.valid_from
SETTINGS join_use_nulls = 0;

ALTER TABLE {database}.flow_owners MODIFY COMMENT 'every record that was read: of each flow log and of each version of an overwritten object; reads the whole cloud map';
