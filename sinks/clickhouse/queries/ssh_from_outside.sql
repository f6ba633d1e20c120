-- Allowed SSH from outside, with the evidence of exposed_ports_between: answered first, then replied, then accepted without an answer; undecided:
-- nobody can say which end is ours, so it may be our own connection to the service of somebody else; nat-phantom last: the gateway dropped it.
-- inferred: a guess, because no TCP flags say who opened it or the direction is not sure. maybe_nat: it may be a NAT gateway.
-- What is not known is NULL. Flows, packets and bytes count once where several flow logs wrote them (flows_once). Parameters: from, to (DateTime, both included), limit.
SELECT evidence, observer, nullIf(toString(account_id), '') AS account_id, nullIf(toString(vpc_id), '') AS vpc_id, nullIf(toString(instance_id), '') AS instance_id,
  local_addr AS local_address, remote_addr AS remote_address, nullIf(toString(country), '') AS country, nullIf(asn, 0) AS asn, nullIf(toString(as_org), '') AS as_org,
  toString(threat) AS threat, flows, packets, bytes, first_seen, last_seen, toBool(inferred) AS inferred, toBool(maybe_nat) AS maybe_nat
FROM exposed_ports_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
WHERE protocol = 6 AND local_port = 22
ORDER BY indexOf(['answered', 'replied', 'accepted', 'undecided', 'nat-phantom'], evidence), inferred, last_seen DESC, remote_address
LIMIT {limit:UInt32}
