-- Allowed SSH from outside, with the evidence of exposed_ports_between: answered first, then replied, then accepted without an answer; undecided:
-- nobody can say which end is ours, so it may be our own connection to the service of somebody else; nat-phantom last: the gateway dropped it.
-- inferred: a guess, because no TCP flags say who opened it or the direction is not sure. maybe_nat: it may be a NAT gateway.
-- What is not known is NULL; exposed_ports_unjudged_between counts the records that say too little to be judged. Flows, packets and bytes count once where several flow logs wrote them (flows_once). Parameters: from, to (DateTime, to not included), limit.
SELECT evidence, observer, account_id, vpc_id, instance_id, local_addr AS local_address, remote_addr AS remote_address, toString(country) AS country, asn,
  toString(as_org) AS as_org, toString(threat) AS threat, flows, packets, bytes, first_seen, last_seen, toBool(inferred) AS inferred, toBool(maybe_nat) AS maybe_nat
FROM exposed_ports_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
WHERE protocol = 6 AND local_port = 22
ORDER BY indexOf(['answered', 'replied', 'accepted', 'undecided', 'nat-phantom'], evidence), inferred, last_seen DESC, remote_address, observer, local_address
LIMIT {limit:UInt32}
