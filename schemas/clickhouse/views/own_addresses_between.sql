-- Addresses that an interface of ours held at some time from `from` to `to`, by the runs of the map, and that are not private by their range: few, so that a set of
-- them is cheap. An address that we held at another time only may be anybody's. As everywhere, a run holds for 600 seconds after its last second; it
-- also counts as many before its first one, because the record of the other side can begin that much earlier.
-- Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.own_addresses_between AS
SELECT DISTINCT toString(scope) AS scope, ip
FROM {database}.cloud_map FINAL
WHERE scope != 'aws' AND NOT {private:ip}
  AND toUnixTimestamp(valid_from) < toUnixTimestamp({to:DateTime('UTC')}) + 600
  AND toUnixTimestamp(last_seen) + 600 >= toUnixTimestamp({from:DateTime('UTC')})
  AND {in_order:own_addresses_between}
SETTINGS join_use_nulls = 0;
