-- Who held an address at a time, in every scope that knows it: the newest run that began by then. Parameters: ip (text), at (DateTime).
-- state: held (seen then, or at most 10 minutes before), ambiguous (held, but others were seen with the address in that run, for conflict_s seconds),
-- last-known (not seen for more than 10 minutes before).
-- The first 10 minutes of a UTC day are ambiguous too if the one who came later may be hidden: cloud_map_timeline says when. conflict_s is 0 then.
-- held_since: first second of the runs in a row of that owner; gaps: how often it was not seen for more than 10 minutes among them, up to the time.
-- valid_to: first second of the next owner; NULL and end_known false: nobody newer is known until today; that does not say that the address is
-- still held. next_seen, next_owner: the next run, of whichever owner. others: if ambiguous, the other owners of that
-- UTC day.
SELECT scope, multiIf(NOT seen, 'last-known', run.4 > 0 OR at_midnight, 'ambiguous', 'held') AS state,
  run.5 AS interface_id, run.6 AS instance_id, run.7 AS interface_type, run.8 AS subnet_id, run.9 AS vpc_id, run.10 AS account_id, run.11 AS region,
  run.12 AS az_id, run.13 AS service,
  run.1 AS valid_from, if(later = 0, NULL, runs[later].1) AS valid_to, toBool(later != 0) AS end_known, run.2 AS first_seen, run.3 AS last_seen, run.4 AS conflict_s,
  runs[since].1 AS held_since,
  toUInt32(arrayCount((each, i) -> i > since AND i <= n AND toUnixTimestamp(each.1) > toUnixTimestamp(runs[i - 1].3) + 600, runs, arrayEnumerate(runs))) AS gaps,
  if(n = length(runs), NULL, runs[n + 1].1) AS next_seen, if(n = length(runs), '', owners[n + 1]) AS next_owner,
  if(run.4 = 0 AND NOT at_midnight, [], arrayDistinct(same_day)) AS others
FROM (
  SELECT scope, runs, owners, n, run, owner,
    toUnixTimestamp({at:DateTime('UTC')}) <= toUnixTimestamp(run.3) + 600 AS seen,
    arrayLastIndex((who, i) -> i < n AND who != owner, owners, arrayEnumerate(owners)) + 1 AS since,
    arrayFirstIndex((who, i) -> i > n AND who != owner, owners, arrayEnumerate(owners)) AS later,
    {at:DateTime('UTC')} < run.14 AS at_midnight,
    arrayFilter((who, each) -> who != owner AND toDate(each.1, 'UTC') = toDate(run.1, 'UTC'), owners, runs) AS same_day
  FROM (
    SELECT scope, runs, owners, n, runs[n] AS run, owners[n] AS owner
    FROM (
      SELECT scope, runs, arrayMap(each -> if(each.5 != '', each.5, each.13), runs) AS owners,
        arrayLastIndex(each -> each.1 <= {at:DateTime('UTC')}, runs) AS n
      FROM (
        SELECT scope, arraySort(each -> each.1, groupArray((
          valid_from, first_seen, last_seen, conflict_s, interface_id, instance_id, interface_type, subnet_id, vpc_id, account_id, region, az_id, service,
          ambiguous_until
        ))) AS runs
        FROM cloud_map_timeline
        WHERE ip = toIPv6({ip:String})
        GROUP BY scope
      )
    )
    WHERE n > 0
  )
)
ORDER BY scope
