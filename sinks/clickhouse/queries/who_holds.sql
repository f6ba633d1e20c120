-- Who held an address at a time, in every scope that knows it. Parameters: ip (text), at (DateTime).
-- A run that lasts at that time comes before one that merely began later: late data can put a short run into a longer one.
-- state: held (seen then, or at most 10 minutes before), last-known (nobody newer is known). end_known: false where valid_to is NULL, because
-- nobody newer is known until today; that does not say that the address is still held.
SELECT scope, if(at <= last_seen + 600, 'held', 'last-known') AS state, interface_id, instance_id, interface_type, subnet_id, vpc_id, account_id, region,
  az_id, service, valid_from, valid_to, toBool(valid_to IS NOT NULL) AS end_known, first_seen, last_seen, conflict_s
FROM (
  SELECT *, {at:DateTime('UTC')} AS at
  FROM cloud_map FINAL
  WHERE ip = toIPv6({ip:String}) AND valid_from <= {at:DateTime('UTC')}
  ORDER BY (valid_to IS NULL OR valid_to > {at:DateTime('UTC')}) DESC, valid_from DESC
  LIMIT 1 BY scope
)
ORDER BY scope
