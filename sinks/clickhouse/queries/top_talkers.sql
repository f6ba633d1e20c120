-- Who outside talks with us most: countries and networks by bytes in both directions.
-- Parameters: from, to (DateTime), limit. What passes a NAT gateway is seen twice, by the gateway and by the host behind it: the gateway's
-- half is kept apart in nat_bytes. Where the direction is unknown, the side that has a country stands for the remote one.
SELECT
  toString(if(remote_country = '' AND direction = 'unknown', local_country, remote_country)) AS country,
  if(remote_asn = 0 AND direction = 'unknown', local_asn, remote_asn) AS asn,
  any(toString(if(remote_as_org = '' AND direction = 'unknown', local_as_org, remote_as_org))) AS as_org,
  sumIf(bytes, NOT nat) AS bytes,
  sumIf(packets, NOT nat) AS packets,
  countIf(NOT nat AND action = 'ACCEPT') AS accepted_flows,
  countIf(NOT nat AND action = 'REJECT') AS rejected_flows,
  uniqExactIf(if(remote_country = '' AND direction = 'unknown', local_addr, remote_addr), NOT nat) AS addresses,
  sumIf(bytes, nat) AS nat_bytes
FROM (
  SELECT *, interface IN (SELECT interface FROM interfaces WHERE observer IN (SELECT observer FROM nat_interfaces)) AS nat
  FROM flows
  WHERE start >= {from:DateTime('UTC')} AND start < {to:DateTime('UTC')}
)
GROUP BY country, asn
HAVING country != '' OR asn != 0
ORDER BY bytes DESC, nat_bytes DESC, country, asn
LIMIT {limit:UInt32}
