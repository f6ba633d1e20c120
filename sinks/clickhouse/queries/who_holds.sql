-- Who held an address at a time, in every scope that knows it: the newest run that began by then. Parameters: ip (text), at (DateTime), owner (text:
-- the newest run of this owner in its place; empty: of anybody).
-- An owner is an interface with its instance after a space, else a service; instance_id is empty if no format of that day names it (cloud_map_timeline).
-- state: held (seen then, or at most 10 minutes before), ambiguous (held, but others were seen with the address in that run, for conflict_s seconds, or
-- may have come later: cloud_map_timeline says when; conflict_s may be 0 then), last-known (not seen for more than 10 minutes before).
-- last_seen: last second at or before the time in which it was seen; NULL: the runs do not say the second, which is at most 10 minutes before.
-- first_seen: first second of the run. held_since: that of the runs in a row of that owner; gaps: how often it was not seen for more than 10 minutes
-- among them, up to the time. valid_to: first second of the next owner; NULL and end_known false: the table knows nobody newer; that does not say that
-- the address is still held. next_seen, next_owner: the next run, of whichever owner. others: if ambiguous, the other owners of that UTC day; if last-known
-- and another owner was last seen in the same second, those that were there in that run.
-- first_is, since_is, next_is, valid_to_is say what these four seconds are: seen; follows (the second after a run of another owner; the owner may be one
-- that goes on, so flows have to say if it was seen then); resumed (it goes on: nobody knows if it was seen then).
-- before: owner of the run before, up to before_last, if the run follows it without a second between. day_owners: all other owners of that UTC day, those
-- too that have no run, because their stays equal those of another. day_lines: their interfaces and services, and that of the run.
-- doubt: why it is ambiguous, else empty: conflict; midnight; resumed (it goes on after a run of another owner, and may not have been seen since); turns
-- (another owner was there before or at the same time, and may have been seen later).
SELECT scope, multiIf(NOT seen, 'last-known', run.4 > 0 OR in_doubt, 'ambiguous', 'held') AS state,
  run.5 AS interface_id, run.6 AS instance_id, run.7 AS interface_type, run.8 AS subnet_id, run.9 AS vpc_id, run.10 AS account_id, run.11 AS region,
  run.12 AS az_id, run.13 AS service, owner,
  run.1 AS valid_from, if(later = 0, NULL, runs[later].1) AS valid_to, toBool(later != 0) AS end_known, run.2 AS first_seen,
  multiIf(
    toUnixTimestamp({at:DateTime('UTC')}) > toUnixTimestamp(run.3), run.3,
    {at:DateTime('UTC')} = run.3 AND NOT (n < length(runs) AND toUnixTimestamp(runs[n + 1].1) = toUnixTimestamp(run.3) + 1), run.3,
    {at:DateTime('UTC')} = run.1 AND is[n] = 'seen', run.1,
    NULL
  ) AS last_seen,
  run.4 AS conflict_s, runs[since].1 AS held_since,
  toUInt32(arrayCount((each, i) -> i > since AND i <= n AND toUnixTimestamp(each.1) > toUnixTimestamp(runs[i - 1].3) + 600, runs, arrayEnumerate(runs))) AS gaps,
  if(n = length(runs), NULL, runs[n + 1].1) AS next_seen, if(n = length(runs), '', owners[n + 1]) AS next_owner,
  multiIf(
    seen, if(run.4 = 0 AND NOT in_doubt, [], same_day),
    toUnixTimestamp(run.14) > toUnixTimestamp(run.3) + 600, beside[n],
    []
  ) AS others,
  is[n] AS first_is, is[since] AS since_is, if(n = length(runs), 'seen', is[n + 1]) AS next_is, if(later = 0, 'seen', is[later]) AS valid_to_is,
  if(is[n] = 'seen', '', owners[n - 1]) AS before, if(is[n] = 'seen', NULL, runs[n - 1].3) AS before_last, same_day AS day_owners, day_lines,
  multiIf(state != 'ambiguous', '', run.4 > 0, 'conflict', {at:DateTime('UTC')} < run.16, 'midnight', is[n] = 'resumed', 'resumed', 'turns') AS doubt
FROM (
  SELECT scope, runs, owners, beside, is, n, run, owner,
    toUnixTimestamp({at:DateTime('UTC')}) <= toUnixTimestamp(run.3) + 600 AS seen,
    arrayLastIndex((who, i) -> i < n AND who != owner, owners, arrayEnumerate(owners)) + 1 AS since,
    arrayFirstIndex((who, i) -> i > n AND who != owner, owners, arrayEnumerate(owners)) AS later,
    {at:DateTime('UTC')} < run.14 AS in_doubt,
    arrayDistinct(arrayFilter(who -> who != owner, arrayFlatten(arrayMap((who, with) -> arrayConcat([who], with),
      arrayFilter((who, each) -> toDate(each.1, 'UTC') = toDate(run.1, 'UTC'), owners, runs),
      arrayFilter((with, each) -> toDate(each.1, 'UTC') = toDate(run.1, 'UTC'), beside, runs)
    )))) AS same_day,
    -- an interface and a service have no space in their names
    arrayDistinct(arrayMap(who -> splitByChar(' ', who)[1], arrayConcat([owner], same_day))) AS day_lines
  FROM (
    SELECT scope, runs, owners, beside, n, runs[n] AS run, owners[n] AS owner,
      arrayMap((each, i) -> multiIf(
        each.15, 'resumed',
        i > 1 AND owners[i - 1] != owners[i] AND toUnixTimestamp(each.1) = toUnixTimestamp(runs[i - 1].3) + 1 AND toUnixTimestamp(each.1) % 86400 != 0, 'follows',
        'seen'
      ), runs, arrayEnumerate(runs)) AS is
    FROM (
      SELECT scope, runs, arrayMap(each -> each.17, runs) AS owners,
        -- one that its day names without an instance is the one that cloud_map_timeline takes it for: the newest one before, else the first one after
        arrayMap((each, i) -> arrayDistinct(arrayMap(other -> multiIf(
          position(other, ' ') > 0, other,
          arrayExists((who, j) -> j <= i AND startsWith(who, concat(other, ' ')), owners, arrayEnumerate(owners)),
            arrayLast((who, j) -> j <= i AND startsWith(who, concat(other, ' ')), owners, arrayEnumerate(owners)),
          arrayExists(who -> startsWith(who, concat(other, ' ')), owners), arrayFirst(who -> startsWith(who, concat(other, ' ')), owners),
          other
        ), each.18)), runs, arrayEnumerate(runs)) AS beside,
        arrayLastIndex((each, who) -> each.1 <= {at:DateTime('UTC')} AND ({owner:String} = '' OR who = {owner:String}), runs, owners) AS n
      FROM (
        SELECT scope, arraySort(each -> each.1, groupArray((
          valid_from, first_seen, last_seen, conflict_s, interface_id, instance_id, interface_type, subnet_id, vpc_id, account_id, region, az_id, service,
          ambiguous_until, resumed, midnight_until, owner, others
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
