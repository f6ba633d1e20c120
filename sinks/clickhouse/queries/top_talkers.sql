-- Who outside talks with us most: countries and networks by bytes in both directions.
-- Parameters: from, to (DateTime, to not included), limit. The flows are those of flows_once: what several flow logs wrote counts once, and of an
-- overwritten object the version that counts. What passes a NAT gateway is seen twice, by the gateway and by the host behind it: the gateway's
-- half is kept apart in nat_bytes; nat_evidence_between says what is a gateway, by the packets of the time and of the day before and after it.
-- maybe_nat_bytes is the part of `bytes` that was seen at observers that may be gateways and that nothing decides: it may count twice.
-- outside_peers_between says who is outside, and which end is the peer where the direction is unknown.
-- What nobody knows is NULL: a country or network that no table has, and bytes and packets if the format of each record lacks them (of some records:
-- they are those of the others). Without lookup tables all peers are one row without country and network. That row also has the flows whose peer nobody
-- can tell: its address is not logged, or the direction is unknown and neither end is known as ours. `addresses` does not count those.
SELECT
  nullIf(toString(t.country), '') AS country,
  nullIf(t.asn, 0) AS asn,
  any(nullIf(toString(t.as_org), '')) AS as_org,
  if(countIf(NOT t.nat) = 0, 0, sumIf(t.bytes, NOT t.nat)) AS bytes,
  if(countIf(NOT t.nat) = 0, 0, sumIf(t.packets, NOT t.nat)) AS packets,
  countIf(NOT t.nat AND t.action = 'ACCEPT') AS accepted_flows,
  countIf(NOT t.nat AND t.action = 'REJECT') AS rejected_flows,
  uniqExactIf(t.peer, NOT t.nat AND t.known) AS addresses,
  if(countIf(t.nat) = 0, 0, sumIf(t.bytes, t.nat)) AS nat_bytes,
  if(countIf(t.evidence = 'maybe') = 0, 0, sumIf(t.bytes, t.evidence = 'maybe')) AS maybe_nat_bytes
FROM (
  SELECT f.country AS country, f.asn AS asn, f.as_org AS as_org, f.bytes AS bytes, f.packets AS packets, f.action AS action, f.peer AS peer, f.known AS known,
    n.evidence IN ('named', 'inferred') AS nat, n.evidence AS evidence
  FROM outside_peers_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS f
  LEFT ANY JOIN nat_evidence_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS n ON f.observer = n.observer
) AS t
GROUP BY country, asn
ORDER BY bytes DESC, nat_bytes DESC, country, asn
LIMIT {limit:UInt32}
