-- At which interfaces flows of a UTC day, and of the 10 minutes before the time, show an address that is not the other side for certain: what they say
-- does not prove who held it, or it would stand in the cloud map. Parameters: ip (text), at (DateTime).
-- side: own (the interface's own side), packet (the packet address of that side), either (the direction is unknown).
-- first_at, last_at: first second of the first flow, last one of the last; last_before: last one at or before the time, NULL: none.
-- flows: their number; logged: those of them with a logged direction and logged times, which the map takes, so that it does not have them yet. Of more than 20 interfaces those with most flows. Two passes over one column of a day each; the second has an index.
WITH
  toIPv6({ip:String}) AS address,
  toDateTime(least(toInt64(intDiv(toUnixTimestamp({at:DateTime('UTC')}), 86400)) * 86400, greatest(toInt64(toUnixTimestamp({at:DateTime('UTC')})) - 600, 0)), 'UTC') AS day_from,
  toDateTime(least(toInt64(intDiv(toUnixTimestamp({at:DateTime('UTC')}), 86400)) * 86400 + 86399, 4294967295), 'UTC') AS day_to,
  toInt64(toUnixTimestamp({at:DateTime('UTC')})) AS time
SELECT i.scope AS scope, if(i.observer != '', i.observer, '-') AS observer, any(i.account_id) AS account_id, any(i.instance_id) AS instance_id, side,
  min(first) AS first_at, max(last) AS last_at, maxOrNull(if(first <= time, least(last, time), NULL)) AS last_before, count() AS flows, sum(logged) AS logged
FROM (
  SELECT interface, multiIf(direction = 'unknown', 'either', local_addr = address, 'own', 'packet') AS side,
    toInt64(toUnixTimestamp(start)) AS first, first + greatest(dur, 0) AS last,
    side = 'own' AND direction_source = 'logged' AND time_source = 'logged' AND dur BETWEEN 0 AND 660 AS logged
  FROM flows
  WHERE start >= day_from AND start <= day_to AND time_source != 'none' AND (local_addr = address OR pkt_local = address)
  UNION ALL
  SELECT interface, 'either' AS side, toInt64(toUnixTimestamp(start)) AS first, first + greatest(dur, 0) AS last, 0 AS logged
  FROM flows
  WHERE start >= day_from AND start <= day_to AND time_source != 'none' AND remote_addr = address AND local_addr != address AND direction = 'unknown'
) AS f
LEFT ANY JOIN (SELECT interface, scope, observer, account_id, instance_id FROM interfaces) AS i ON f.interface = i.interface
GROUP BY scope, observer, side
ORDER BY side = 'own' DESC, side = 'packet' DESC, flows DESC, scope, observer
LIMIT 20
