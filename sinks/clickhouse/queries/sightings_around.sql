-- In which seconds flows show owners with an address, around a time: as the cloud map takes them, but not whether it believed an inferred direction.
-- Parameters: ip (text), at (DateTime), scope, lines (interfaces, else AWS services). Reads about half an hour of flows, of these interfaces only.
-- line: the interface, else the service; instance: as its flows name it, empty: they do not.
-- last_at: last second at or before the time; next_at: first one after it; NULL: none within 10 minutes.
SELECT line, instance, maxOrNull(if(first <= time, least(last, time), NULL)) AS last_at, minOrNull(if(last > time, greatest(first, time + 1), NULL)) AS next_at
FROM (
  SELECT i.interface_id AS line, i.instance_id AS instance, toInt64(toUnixTimestamp(start)) AS first, first + dur AS last, toInt64(toUnixTimestamp({at:DateTime('UTC')})) AS time
  FROM flows AS f
  LEFT ANY JOIN (SELECT interface, interface_id, toString(instance_id) AS instance_id FROM interfaces WHERE interface_id IN {lines:Array(String)} AND scope = {scope:String}) AS i ON f.interface = i.interface
  WHERE start >= toDateTime(greatest(toInt64(toUnixTimestamp({at:DateTime('UTC')})) - 1270, 0), 'UTC')
    AND start <= toDateTime(least(toInt64(toUnixTimestamp({at:DateTime('UTC')})) + 610, 4294967295), 'UTC')
    AND f.interface IN (SELECT interface FROM interfaces WHERE interface_id IN {lines:Array(String)} AND scope = {scope:String})
    AND time_source = 'logged' AND dur BETWEEN 0 AND 660 AND direction != 'unknown' AND direction_source NOT IN ('none', 'inferred_count')
    AND (local_addr = toIPv6({ip:String}) OR pkt_local = toIPv6({ip:String}))
  UNION ALL
  SELECT toString(remote_service) AS line, '' AS instance, toInt64(toUnixTimestamp(start)) AS first, first + dur AS last, toInt64(toUnixTimestamp({at:DateTime('UTC')})) AS time
  FROM flows
  WHERE {scope:String} = 'aws'
    AND start >= toDateTime(greatest(toInt64(toUnixTimestamp({at:DateTime('UTC')})) - 1270, 0), 'UTC')
    AND start <= toDateTime(least(toInt64(toUnixTimestamp({at:DateTime('UTC')})) + 610, 4294967295), 'UTC')
    AND time_source = 'logged' AND dur BETWEEN 0 AND 660 AND direction != 'unknown' AND direction_source NOT IN ('none', 'inferred_count')
    AND remote_service IN {lines:Array(String)} AND NOT bitTest(absent, 15)
    AND if(pkt_remote = toIPv6('::'), remote_addr, pkt_remote) = toIPv6({ip:String})
)
GROUP BY line, instance
