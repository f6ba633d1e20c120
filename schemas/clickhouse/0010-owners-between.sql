-- The owners of the flows of a time, from the runs of the addresses in them: `flow_owners` reads the whole cloud map, however short the time asked.

-- cloud_map_timeline of the addresses in flows of a time, until its end. Each address is one row for a moment, so that the map is read once.
-- Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.cloud_map_timeline_between AS
WITH
  toDateTime(4294967295, 'UTC') AS never,
  addresses AS (
    SELECT toString(scope) AS scope, ip,
      groupArray((valid_from, coalesce(valid_to, never), last_seen, interface_id, instance_id, toString(service))) AS runs,
      groupArray(valid_from) AS begins,
      groupArrayIf(coalesce(valid_to, never), valid_to IS NOT NULL) AS ends
    FROM {database}.cloud_map FINAL
    WHERE valid_from < {to:DateTime('UTC')} AND ip IN (
      SELECT arrayJoin([local_addr, remote_addr])
      FROM {database}.flows
      WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
    )
    GROUP BY scope, ip
  ),
  points AS (
    SELECT scope, ip, arrayJoin(arrayConcat(
      arrayMap(run -> (run.1, run), runs),
      -- where a run ends and none begins, the one that it lay inside of goes on
      arrayMap(
        second -> (second, arraySort(arrayFilter(run -> run.1 < second AND run.2 > second, runs))[-1]),
        arrayDistinct(arrayFilter(second -> NOT has(begins, second), ends))
      )
    )) AS point
    FROM addresses
  )
SELECT scope, ip, point.1 AS valid_from, point.2.3 AS last_seen, point.2.4 AS interface_id, point.2.5 AS instance_id, point.2.6 AS service
FROM points
-- nobody held the address from there on
WHERE toUnixTimestamp(point.2.2) != 0
SETTINGS join_use_nulls = 0;

-- flow_owners of a time, of the flows that `flows_once` takes. Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.flow_owners_between AS
WITH
  runs AS (
    SELECT * FROM {database}.cloud_map_timeline_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
  ),
  services AS (
    SELECT ip, valid_from, last_seen, service FROM runs WHERE scope = 'aws'
  ),
  scoped AS (
    SELECT f.*, i.scope AS scope, i.observer AS observer
    FROM {database}.flows_once(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS f
    LEFT ANY JOIN (SELECT interface, scope, observer FROM {database}.interfaces) AS i ON f.interface = i.interface
  )
SELECT
  s.start AS start, s.dur AS dur, s.scope AS scope, s.observer AS observer, toString(s.direction) AS direction, toString(s.action) AS action, s.protocol AS protocol,
  s.local_addr AS local_addr, s.local_port AS local_port, s.remote_addr AS remote_addr, s.remote_port AS remote_port, s.packets AS packets, s.bytes AS bytes,
  nullIf(l.interface_id, '') AS local_interface_id,
  nullIf(l.instance_id, '') AS local_instance_id,
  multiIf(l.ip = toIPv6('::'), NULL, s.start <= l.last_seen + 600, 'held', 'last-known') AS local_state,
  nullIf(r.interface_id, '') AS remote_interface_id,
  nullIf(r.instance_id, '') AS remote_instance_id,
  nullIf(a.service, '') AS remote_service,
  multiIf(r.ip != toIPv6('::'), if(s.start <= r.last_seen + 600, 'held', 'last-known'), a.ip != toIPv6('::'), if(s.start <= a.last_seen + 600, 'held', 'last-known'), NULL) AS remote_state,
  s.interface AS interface, s.object_id AS object_id, s.line AS line
FROM scoped AS s
ASOF LEFT JOIN runs AS l ON s.scope = l.scope AND s.local_addr = l.ip AND s.start >= l.valid_from
ASOF LEFT JOIN runs AS r ON s.scope = r.scope AND s.remote_addr = r.ip AND s.start >= r.valid_from
ASOF LEFT JOIN services AS a ON s.remote_addr = a.ip AND s.start >= a.valid_from
SETTINGS join_use_nulls = 0;
