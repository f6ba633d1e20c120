-- Who outside talks with us most: countries and networks by bytes in both directions.
-- Parameters: from, to (DateTime, to not included), limit. The flows are those of flows_once: what several flow logs wrote counts once, and of an
-- overwritten object the version that counts. What passes a NAT gateway is seen twice, by the gateway and by the host behind it: the gateway's
-- half is kept apart in nat_bytes; a gateway is known by its packets of the time and of the day before and after it. Where the direction is
-- unknown, the side that has a country stands for the remote one.
SELECT
  toString(if(t.remote_country = '' AND t.direction = 'unknown', t.local_country, t.remote_country)) AS country,
  if(t.remote_asn = 0 AND t.direction = 'unknown', t.local_asn, t.remote_asn) AS asn,
  any(toString(if(t.remote_as_org = '' AND t.direction = 'unknown', t.local_as_org, t.remote_as_org))) AS as_org,
  sumIf(t.bytes, NOT t.nat) AS bytes,
  sumIf(t.packets, NOT t.nat) AS packets,
  countIf(NOT t.nat AND t.action = 'ACCEPT') AS accepted_flows,
  countIf(NOT t.nat AND t.action = 'REJECT') AS rejected_flows,
  uniqExactIf(if(t.remote_country = '' AND t.direction = 'unknown', t.local_addr, t.remote_addr), NOT t.nat) AS addresses,
  sumIf(t.bytes, t.nat) AS nat_bytes
FROM (
  SELECT *, interface IN (SELECT interface FROM interfaces WHERE observer IN (SELECT observer FROM nat_interfaces_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}))) AS nat
  FROM flows_once(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
) AS t
GROUP BY country, asn
HAVING country != '' OR asn != 0
ORDER BY bytes DESC, nat_bytes DESC, country, asn
LIMIT {limit:UInt32}
