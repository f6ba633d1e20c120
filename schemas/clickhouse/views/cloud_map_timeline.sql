-- Owners of addresses from the map of days: no run lies inside of another, none crosses midnight (UTC), and a run ends where nothing was seen for more
-- than 10 minutes. At a second, the newest run that began answers: held up to 10 minutes after its last sighting, last-known after that.
-- ambiguous_until: before that second the answer is ambiguous, whatever conflict_s says; 1970 if it is not. Three things make it so.
-- midnight_until: the map is local to a day, so of two owners that are seen from its first seconds on it cannot say who came first. A run that begins in
-- the first 10 minutes of a day is ambiguous in them if the next owner of that day follows within 10 minutes, and
--   was there in the last 10 minutes before midnight too, so that it may have been there all the time; or
--   follows in these first 10 minutes without a second between, and the run's own owner was there in the last 10 minutes before midnight.
-- resumed: the run begins in the second after that of another owner, and its own owner held the address before in runs without a second between. It
-- goes on, with a gap of at most 10 minutes, so nobody knows if it was seen at valid_from. Until it was seen for certain (10 minutes later, or at the
-- end of the run) the other one may be the one that was seen last: the run is ambiguous.
-- doubt_to: the run itself says up to which second another owner was there too, or may have been seen later; if both were last seen at the end of the run,
-- until they no longer count as held. It is nearer than the rule of resumed, which is left for runs that were written before doubt_to was.
-- others: who else was there in any second of the run, as its day names them: the interface and its instance, if that day has one.
-- owner: the interface and, after a space, its instance; else the service. An interface that moves to another instance is another owner. A run without an
-- instance (no format of that day names it) is not another owner than the same interface with one: its instance is that of the run of the interface
-- before it that has one, else of the first one that has. instance_id says only what that day says.
-- This view is the only place of the rule: who_holds.sql and the views of owners read it.
CREATE OR REPLACE VIEW {database}.cloud_map_timeline AS
SELECT scope, ip, valid_from, last_seen, interface_id, instance_id, service, conflict_s,
  greatest(midnight_until, toDateTime(multiIf(
    doubt_to IS NOT NULL, toUnixTimestamp(assumeNotNull(doubt_to)) + 1,
    resumed, least(toUnixTimestamp(valid_from) + 600, toUnixTimestamp(last_seen) + (next_from = toUnixTimestamp(last_seen) + 1)),
    0
  ), 'UTC')) AS ambiguous_until,
  first_seen, interface_type, subnet_id, vpc_id, account_id, region, az_id,
  owner, changes AND follows AND owner_before >= without_gap_from AS resumed,
  if(
    next_from != 0 AND toUnixTimestamp(valid_from) % 86400 < 600 AND next_from <= toUnixTimestamp(last_seen) + 600
      AND (has(before, next_owner) OR (has(before, owner) AND next_from <= toUnixTimestamp(last_seen) + 1 AND next_from % 86400 < 600)),
    toDateTime(86400 * night + 600, 'UTC'), toDateTime(0, 'UTC')
  ) AS midnight_until,
  others
FROM (
  SELECT *,
    groupUniqArrayIf(owner, eve) OVER (PARTITION BY scope, ip, night) AS before,
    -- the next run of another owner that day is the next one that changes it
    anyLastIf(toUnixTimestamp(valid_from), changes) OVER later AS next_from,
    anyLastIf(owner, changes) OVER later AS next_owner,
    -- first second of the runs in a row, of any owner, that have no second between
    maxIf(valid_from, NOT follows) OVER (PARTITION BY scope, ip, night ORDER BY valid_from DESC ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS without_gap_from
  FROM (
    SELECT *,
      owner != leadInFrame(owner, 1, owner) OVER one_before AS changes,
      -- midnight ends every run
      toUnixTimestamp(valid_from) % 86400 != 0 AND toUnixTimestamp(valid_from) = toUnixTimestamp(leadInFrame(last_seen, 1) OVER one_before) + 1 AS follows,
      leadInFrame(valid_from, 1) OVER (PARTITION BY scope, ip, night, owner ORDER BY valid_from DESC ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS owner_before
    FROM (
      -- each run stands in its own day, and if it ends in the last 10 minutes of it, as the eve of the next one too
      SELECT *, concat(line, if(instance = '', '', ' '), instance) AS owner,
        arrayJoin(if(toUnixTimestamp(last_seen) % 86400 >= 85800, [0, 1], [0])) AS eve,
        intDiv(toUnixTimestamp(valid_from), 86400) + eve AS night
      FROM (
        SELECT toString(scope) AS scope, ip, valid_from, first_seen, last_seen, conflict_s, doubt_to, others, interface_id, instance_id, toString(service) AS service,
          if(interface_id != '', interface_id, service) AS line,
          multiIf(
            instance_id != '', instance_id,
            anyLastIf(instance_id, instance_id != '') OVER so_far != '', anyLastIf(instance_id, instance_id != '') OVER so_far,
            argMinIf(instance_id, valid_from, instance_id != '') OVER (PARTITION BY scope, ip, line ORDER BY valid_from ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
          ) AS instance,
          toString(interface_type) AS interface_type, toString(subnet_id) AS subnet_id, toString(vpc_id) AS vpc_id, toString(account_id) AS account_id,
          toString(region) AS region, toString(az_id) AS az_id
        FROM {database}.cloud_map FINAL
        WINDOW so_far AS (PARTITION BY scope, ip, line ORDER BY valid_from ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
      )
    )
    WINDOW one_before AS (PARTITION BY scope, ip, night ORDER BY valid_from DESC ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)
  )
  WINDOW later AS (PARTITION BY scope, ip, night ORDER BY valid_from DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
)
WHERE NOT eve
SETTINGS join_use_nulls = 0;
