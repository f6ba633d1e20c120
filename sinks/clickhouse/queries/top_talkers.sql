-- Who outside talks with us most: countries and networks by bytes in both directions.
-- Parameters: from, to (DateTime, to not included), limit. The flows are those of flows_once: what several flow logs wrote counts once, and of an
-- overwritten object the version that counts. What passes a NAT gateway is seen twice, by the gateway and by the host behind it: the gateway's
-- half is kept apart in nat_bytes; nat_evidence_between says what is a gateway, by the packets of the time and of the day before and after it.
-- Where the direction is unknown, the side that has a country stands for the remote one; if both have one, nobody can say which is ours, and the
-- flow counts for neither. An address that the map knows as held by us in from..to, in
-- the scope of the flow, is not outside, whatever country its range belongs to. What nobody knows is NULL: a country or network that no table has,
-- and bytes and packets if the format of each record lacks them (of some records: they are those of the others).
SELECT
  nullIf(toString(if(t.turned, t.local_country, t.remote_country)), '') AS country,
  nullIf(if(t.turned, t.local_asn, t.remote_asn), 0) AS asn,
  any(nullIf(toString(if(t.turned, t.local_as_org, t.remote_as_org)), '')) AS as_org,
  if(countIf(NOT t.nat) = 0, 0, sumIf(t.bytes, NOT t.nat)) AS bytes,
  if(countIf(NOT t.nat) = 0, 0, sumIf(t.packets, NOT t.nat)) AS packets,
  countIf(NOT t.nat AND t.action = 'ACCEPT') AS accepted_flows,
  countIf(NOT t.nat AND t.action = 'REJECT') AS rejected_flows,
  uniqExactIf(t.far, NOT t.nat) AS addresses,
  if(countIf(t.nat) = 0, 0, sumIf(t.bytes, t.nat)) AS nat_bytes
FROM (
  SELECT if(bitTest(f.absent, 4), NULL, f.bytes) AS bytes, if(bitTest(f.absent, 3), NULL, f.packets) AS packets, f.action AS action, f.local_country AS local_country, f.local_asn AS local_asn, f.local_as_org AS local_as_org,
    f.remote_country AS remote_country, f.remote_asn AS remote_asn, f.remote_as_org AS remote_as_org,
    f.direction = 'unknown' AND f.remote_country = '' AND f.remote_asn = 0 AS turned,
    if(turned, if(f.pkt_local = toIPv6('::'), f.local_addr, f.pkt_local), if(f.pkt_remote = toIPv6('::'), f.remote_addr, f.pkt_remote)) AS far,
    i.nat AS nat, i.scope AS scope
  FROM flows_once(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS f
  LEFT ANY JOIN (
    SELECT interface, scope, observer IN (SELECT observer FROM nat_interfaces_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})) AS nat
    FROM interfaces
  ) AS i ON f.interface = i.interface
  WHERE if(f.direction = 'unknown', (f.remote_country != '' OR f.remote_asn != 0) != (f.local_country != '' OR f.local_asn != 0), f.remote_country != '' OR f.remote_asn != 0)
) AS t
WHERE (t.scope, t.far) NOT IN (
  SELECT scope, ip FROM own_addresses_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
)
GROUP BY country, asn
HAVING country IS NOT NULL OR asn IS NOT NULL
ORDER BY bytes DESC, nat_bytes DESC, country, asn
LIMIT {limit:UInt32}
