-- At which interfaces flows show an address that is not the other side for certain, where the cloud map does not have it: what they say does not prove
-- who held it, or the map does not have it yet. Parameters: ip (text), at (DateTime); held (scopes that have a holder then), with held_by (its interface)
-- and held_seen (Unix second at which it was last seen, -1: nobody knows), one for each; last_known (scopes whose owner was not seen for longer).
-- span says which flows a row is about. day: those that begin on the UTC day of the time, or in the 10 minutes before it. minutes: those that reach into
-- the 10 minutes up to the time. since: those that reach beyond held_seen, up to the time.
-- A scope of last_known has the day. One of held has since (minutes if nobody knows the second), of other interfaces than the holder's. All others have the
-- day, and minutes if there is any in held, so that a question about an address that is held reads 21 minutes of flows (they last 11 at most) of all
-- interfaces, and the day of those in last_known alone.
-- A flow is left out if a run of the map has the address at its interface then; and if it is of a kind that teaches the map, its interface has the
-- address in some run of that day, and any run of the scope covers it (of owners that take turns or overlap the run is that of one).
-- side: own (the interface's own side), packet (the packet address of that side), either (the direction is unknown).
-- proven: its own side, with a logged direction and logged times, which the map takes, so that it does not have them yet; they stand in a row of their own.
-- first_at, last_at: first second of the first flow, last one of the last; last_before: last one at or before the time, NULL: none. flows: their number.
-- Of more than 20 rows of a scope those with most flows. Two passes over that time: one reads local_addr and pkt_local, the other remote_addr by its index.
WITH
  toIPv6({ip:String}) AS address,
  toInt64(toUnixTimestamp({at:DateTime('UTC')})) AS time,
  length({held:Array(String)}) > 0 AS some_held,
  greatest(least(intDiv(time, 86400) * 86400, time - 600), 0) AS day_first,
  toDateTime(day_first, 'UTC') AS day_from,
  toDateTime(least(intDiv(time, 86400) * 86400 + 86399, 4294967295), 'UTC') AS day_to,
  if(some_held, toDateTime(greatest(time - 1260, 0), 'UTC'), day_from) AS near_from,
  if(some_held, {at:DateTime('UTC')}, day_to) AS near_to,
  runs AS (
    SELECT toString(scope) AS run_scope, interface_id AS run_interface, toInt64(toUnixTimestamp(valid_from)) AS run_first, toInt64(toUnixTimestamp(last_seen)) AS run_last
    FROM cloud_map FINAL
    WHERE ip = address AND valid_from >= toStartOfDay(least(day_from, near_from), 'UTC') AND valid_from <= day_to
  )
SELECT scope, observer, any(account_id) AS account_id, any(instance_id) AS instance_id, side, toBool(own_record) AS proven,
  any(about) AS span, min(first) AS first_at, max(last) AS last_at, maxOrNull(if(first <= time, least(last, time), NULL)) AS last_before, count() AS flows
FROM (
  SELECT *, indexOf({held:Array(String)}, scope) AS holder, logged AND interface_id != '' AND scope != '' AS own_record,
    multiIf(
      holder > 0, if({held_seen:Array(Int64)}[holder] >= 0, 'since', 'minutes'),
      NOT some_held OR has({last_known:Array(String)}, scope), 'day',
      'minutes'
    ) AS about
  FROM (
    SELECT f.*, i.scope AS scope, if(i.observer != '', i.observer, '-') AS observer, i.account_id AS account_id, i.instance_id AS instance_id, i.interface_id AS interface_id
    FROM (
      SELECT interface, multiIf(direction = 'unknown', 'either', local_addr = address, 'own', 'packet') AS side,
        toInt64(toUnixTimestamp(start)) AS first, first + greatest(dur, 0) AS last,
        direction != 'unknown' AND direction_source NOT IN ('none', 'inferred_count') AND time_source = 'logged' AND dur BETWEEN 0 AND 660 AS teaches,
        teaches AND side = 'own' AND direction_source = 'logged' AS logged
      FROM flows
      WHERE (start >= near_from AND start <= near_to OR start >= day_from AND start <= day_to AND interface IN (SELECT interface FROM interfaces WHERE scope IN {last_known:Array(String)}))
        AND time_source != 'none' AND (local_addr = address OR pkt_local = address)
      UNION ALL
      SELECT interface, 'either' AS side, toInt64(toUnixTimestamp(start)) AS first, first + greatest(dur, 0) AS last, 0 AS teaches, 0 AS logged
      FROM flows
      WHERE (start >= near_from AND start <= near_to OR start >= day_from AND start <= day_to AND interface IN (SELECT interface FROM interfaces WHERE scope IN {last_known:Array(String)}))
        AND time_source != 'none' AND remote_addr = address AND local_addr != address AND direction = 'unknown'
    ) AS f
    LEFT ANY JOIN (SELECT interface, scope, observer, account_id, instance_id, interface_id FROM interfaces) AS i ON f.interface = i.interface
  ) AS shown
  ASOF LEFT JOIN runs ON shown.scope = runs.run_scope AND shown.first >= runs.run_first
  WHERE multiIf(
      about = 'day', first >= day_first,
      about = 'since', observer != {held_by:Array(String)}[holder] AND first <= time AND least(last, time) > {held_seen:Array(Int64)}[holder],
      (holder = 0 OR observer != {held_by:Array(String)}[holder]) AND first <= time AND last >= time - 600
    )
    AND NOT (
      interface_id != '' AND first <= run_last
      AND (interface_id = run_interface OR teaches AND (scope, interface_id, intDiv(first, 86400)) IN (SELECT run_scope, run_interface, intDiv(run_first, 86400) FROM runs))
    )
)
GROUP BY scope, observer, side, proven
ORDER BY any(holder) > 0, scope, proven DESC, side = 'own' DESC, side = 'packet' DESC, flows DESC, observer
LIMIT 20 BY scope
LIMIT 200
