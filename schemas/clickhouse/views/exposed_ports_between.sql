-- What was let in from outside, by observer, address, port and peer, of the flows that `flows_once` takes. Addresses are the true ends: a pod or a
-- secondary address stands for itself. A peer is outside unless its address is private by range, in the setting `networks.own`, or known to the map
-- as held in from..to in the scope of the observer.
-- A conversation (addresses and ports) is inbound by its TCP flags: a SYN came in or a SYN+ACK went out, whatever the ports. It is ours if a SYN went
-- out or a SYN+ACK came in. If a port was used both ways, one after the other, only that counts which a SYN that came in shows (`reused`).
-- If no flags say who opened it, time does: what came in before anything but a reset went out is inbound, and so is what nothing went out for. Where
-- order says nothing (both ways in one second), the ports decide: if ours is below 1024, or that of the service, it is inbound; if ours is 32768 or more
-- and the peer's is less, it is a client of ours. If both are the same (NTP and IKE ask from their own port) or 32768 or more, or ours is 1024 to 32767 and
-- not that of the service, nothing decides, and the row is undecided: a client chooses its port. Of protocols without ports the first packet is evidence, and if both are of one second,
-- or the conversation is older than what is read, a guess.
-- Evidence is read from 690 seconds before `from`, which is longer than AWS joins packets (600 seconds), and cuts no exchange that runs by the minute. What
-- has packets in the first 600 of them, or TCP flags and no opening, may be older: order says little there, and if both ways are within 600 seconds, the
-- ports decide as above.
-- inferred = 1: the row rests on a guess, be it that time or ports said who opened it, or that the direction of a record was not logged and
-- is not sure (inferred_count: counted out, or one pair of addresses is all that the interface shows).
-- evidence:
--   answered: SYN+ACK went out, or after a SYN came in TCP flags show other traffic back than a reset;
--   replied: traffic back, and no flags that say what it was (a format without tcp-flags, UDP, ICMP, a connection without its opening): it may be a
--     reset or our own request;
--   accepted: let in, no answer seen. Never without `action` in the format: there an answer alone proves that it was let in;
--   undecided: let in at one of the two ends, and nobody can say which end is ours, because the direction is unknown. local_addr and local_port are
--     those of the service, by flags, else by the ports; of ICMP, and of two ports of 32768 or more without flags, the destination, so that each end of a
--     conversation is listed. Or the direction is known, and neither flags nor order nor ports say who asked. It may be a port of ours that is open, or
--     our own connection;
--   nat-phantom: a NAT gateway (nat_evidence_between), which drops it. maybe_nat = 1: it may be one.
-- exposure says what is exposed: tcp/22, udp/53, or of a protocol without ports the protocol alone: icmp, icmpv6, gre, esp, `protocol 4`. There is no
-- port then, and local_port is NULL. Addresses are text, IPv4 as 1.2.3.4.
-- What no record of a row says is NULL: observer, account, VPC, subnet, instance, country, asn, as_org, threat (not checked; empty: checked and not
-- listed), packets, bytes, first_seen, last_seen. If some records say it, it is that of those.
-- Not listed, because nobody can say what it is: a record without protocol, without one of its addresses (unless both packet addresses are there), or, of
-- TCP, UDP, DCCP and SCTP, without one of its ports. A format without these columns lists nothing; exposed_ports_unjudged_between counts such records.
-- Where records of an observer lack account, VPC, subnet or instance, because the format of their flow log does, the value that the others have is
-- taken. Two instances, one after the other at one interface, stay two rows.
-- Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.exposed_ports_between AS
WITH
  4294967295 AS never,
  toUnixTimestamp({from:DateTime('UTC')}) AS asked,
  (SELECT ranges FROM {database}.own_ranges) AS networks,
  -- Each step is a query of its own, because a name that stands for an expression is worked out again wherever it is used.
  told AS (
    SELECT *, protocol NOT IN (6, 17, 33, 132) AS portless,
      protocol = 6 AND bitAnd(seen, 3) != 0 AS opened, bitAnd(seen, 12) != 0 AS ours,
      -- of a port used both ways: the rest is inbound if all of it lies between the SYN that came in and the first opening of ours, or after the last
      -- one and an answer of ours
      (rest_from >= syn_from AND rest_to < own_from) OR (bitAnd(seen, 2) != 0 AND rest_from > own_to) AS after_syn,
      bitAnd(seen, 32) != 0 AND back_from >= syn_from AND back_from < own_from AS back_to_syn,
      -- it may be older than what is read
      least(in_from, back_from) + 90 < asked OR bitAnd(seen, 32) != 0 AS older,
      greatest(in_from, back_from) - least(in_from, back_from) <= 600 AS close,
      -- of two ports that a client takes, or two that are the same, the lower one says nothing
      local_port != remote_port AND (local_port < 1024 OR (bitAnd(seen, 128) != 0 AND least(local_port, remote_port) < 32768)) AS serves
    FROM {database}.exposure_conversations_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
  ),
  rated AS (
    SELECT *, if(named = toIPv6('::'), address, named) AS reported, NOT ours OR after_syn AS whole,
      -- neither flags nor order nor ports say who asked
      NOT opened AND NOT ours AND NOT portless AND greatest(in_from, back_from) != never AND if(older, close, in_from = back_from)
        AND NOT serves AND (local_port < 32768 OR remote_port >= 32768) AS open_question,
      multiIf(
        bitAnd(seen, 1023) = 512 OR open_question, 0,
        opened, multiIf(bitAnd(seen, 2) != 0 OR back_to_syn, 3, bitAnd(seen, 64) != 0 AND NOT ours, 2, 1),
        bitAnd(seen, 96) != 0, 2,
        1
      ) AS tier,
      -- nobody's flags say who opened it
      multiIf(
        NOT close OR (NOT older AND in_from != back_from), in_from < back_from,
        portless, in_from <= back_from OR (older AND protocol NOT IN (1, 58)),
        serves
      ) AS came_first
    FROM told
  ),
  inbound AS (
    SELECT *,
      syn_flows + if(whole, rest_flows, 0) AS flows,
      if(whole, coalesce(syn_packets + rest_packets, syn_packets, rest_packets), syn_packets) AS packets,
      if(whole, coalesce(syn_bytes + rest_bytes, syn_bytes, rest_bytes), syn_bytes) AS bytes,
      tier = 0 OR bitAnd(seen, 256) != 0 OR (NOT opened AND NOT (portless AND in_from < back_from AND (back_from = never OR NOT older))) AS guessed
    FROM rated
    WHERE multiIf(open_question, rest_flows > 0, tier = 0, within, opened, answer OR syn_flows > 0 OR (whole AND rest_flows > 0), rest_flows > 0 AND NOT ours AND came_first)
      AND (tier != 1 OR bitAnd(seen, 1024) != 0)
  ),
  by_context AS (
    SELECT interface, protocol, reported AS address, local_port, peer,
      any(i.country) AS country, any(i.asn) AS asn, any(i.as_org) AS as_org, max(i.threat) AS threat,
      sum(i.flows) AS flows, sum(i.packets) AS packets, sum(i.bytes) AS bytes, toDateTime(min(i.first), 'UTC') AS first_seen, toDateTime(max(i.last), 'UTC') AS last_seen,
      max(2 * i.tier + NOT i.guessed) AS best
    FROM inbound AS i
    GROUP BY interface, protocol, address, local_port, peer
  ),
  observed AS (
    SELECT c.*, o.observer AS observer, nullIf(o.account_id, '') AS account_id, nullIf(o.vpc_id, '') AS vpc_id, nullIf(o.subnet_id, '') AS subnet_id, nullIf(o.instance_id, '') AS instance_id
    FROM by_context AS c
    LEFT ANY JOIN {database}.interfaces AS o ON c.interface = o.interface
    WHERE (o.scope, peer) NOT IN (
        SELECT scope, ip FROM {database}.own_addresses_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
      )
      AND NOT arrayExists(own -> toUInt128(peer) BETWEEN own.1 AND own.2 AND own.3 IN ('', o.account_id) AND own.4 IN ('', o.vpc_id), networks)
  ),
  completed AS (
    SELECT * EXCEPT (account_id, vpc_id, subnet_id, instance_id),
      if(observer != '' AND min(c.account_id) OVER exposure = max(c.account_id) OVER exposure, max(c.account_id) OVER exposure, c.account_id) AS account_id,
      if(observer != '' AND min(c.vpc_id) OVER exposure = max(c.vpc_id) OVER exposure, max(c.vpc_id) OVER exposure, c.vpc_id) AS vpc_id,
      if(observer != '' AND min(c.subnet_id) OVER exposure = max(c.subnet_id) OVER exposure, max(c.subnet_id) OVER exposure, c.subnet_id) AS subnet_id,
      if(observer != '' AND min(c.instance_id) OVER exposure = max(c.instance_id) OVER exposure, max(c.instance_id) OVER exposure, c.instance_id) AS instance_id
    FROM observed AS c
    WINDOW exposure AS (PARTITION BY observer, protocol, address, local_port, peer)
  )
SELECT
  multiIf(any(n.evidence) IN ('named', 'inferred'), 'nat-phantom', ['undecided', 'accepted', 'replied', 'answered'][intDiv(max(x.best), 2) + 1]) AS evidence,
  nullIf(x.observer, '') AS observer, x.account_id AS account_id, x.vpc_id AS vpc_id, x.subnet_id AS subnet_id, x.instance_id AS instance_id,
  multiIf(
    x.protocol IN (6, 17, 33, 132), concat(transform(x.protocol, [6, 17, 33, 132], ['tcp', 'udp', 'dccp', 'sctp'], ''), '/', toString(x.local_port)),
    transform(x.protocol, [1, 58, 47, 50, 51], ['icmp', 'icmpv6', 'gre', 'esp', 'ah'], concat('protocol ', toString(x.protocol)))
  ) AS exposure,
  x.protocol AS protocol, replaceRegexpOne(toString(x.address), '^::ffff:(\\d+\\.)', '\\1') AS local_addr,
  if(x.protocol IN (6, 17, 33, 132), x.local_port, NULL) AS local_port, replaceRegexpOne(toString(x.peer), '^::ffff:(\\d+\\.)', '\\1') AS remote_addr,
  any(x.country) AS country, any(x.asn) AS asn, any(x.as_org) AS as_org, max(x.threat) AS threat,
  sum(x.flows) AS flows, if(sum(x.flows) = 0, 0, sum(x.packets)) AS packets, if(sum(x.flows) = 0, 0, sum(x.bytes)) AS bytes, min(x.first_seen) AS first_seen, max(x.last_seen) AS last_seen,
  toUInt8(max(x.best) % 2 = 0) AS inferred, toUInt8(any(n.evidence) = 'maybe') AS maybe_nat
FROM completed AS x
LEFT ANY JOIN {database}.nat_evidence_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS n ON x.observer = n.observer
GROUP BY x.observer, x.account_id, x.vpc_id, x.subnet_id, x.instance_id, x.protocol, x.address, x.local_port, x.peer
SETTINGS join_use_nulls = 0;
