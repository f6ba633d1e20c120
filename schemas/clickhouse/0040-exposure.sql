-- Which ports are open to whom: evidence of the TCP flags before that of the ports, the true ends of a conversation, and one rule for NAT gateways.
-- `{private:x}` stands for the list in sinks/clickhouse/address-ranges.ts.

-- Networks that are ours by the setting `networks.own`; written by the sink at its start. The newest set counts; it has a row without a network
-- (cidr '') even if the setting is empty.
CREATE TABLE IF NOT EXISTS {database}.own_networks (
  set_at DateTime64(3, 'UTC') COMMENT 'equal for all rows of a set',
  cidr String,
  first IPv6 COMMENT 'first address, IPv4 as ::ffff:a.b.c.d',
  last IPv6,
  account_id String COMMENT 'account that it holds for; empty: all',
  vpc_id String COMMENT 'VPC that it holds for; empty: all'
) ENGINE = MergeTree
ORDER BY (set_at, cidr, account_id, vpc_id)
SETTINGS non_replicated_deduplication_window = {deduplicationWindow};

-- Addresses that the map has seen with an interface of ours and that are not private by their range: few, so that a set of them is cheap.
CREATE OR REPLACE VIEW {database}.own_addresses AS
SELECT DISTINCT toString(scope) AS scope, ip
FROM {database}.cloud_map FINAL
WHERE scope != 'aws' AND NOT {private:ip}
SETTINGS join_use_nulls = 0;

-- Signs of NAT gateways among observers, from the packets of a time and of the day before and after it. Their security groups accept what the
-- gateway then drops, so an accepted flow proves nothing there. This view is the only place of the rule. evidence:
--   named: the log says so (interface-type, resource-id);
--   inferred: a format with instance-id has no instance there, and the TCP flags show connections from clients that go through it to a public
--     address, and connections that it opens itself to a public address. A load balancer that keeps client addresses does neither;
--   maybe: public addresses in packets of its own side, and nothing that decides.
-- An instance, another interface-type, and an answer (SYN+ACK) of its own to a public address each rule it out.
-- Parameters: from, to (both included), UTC.
CREATE OR REPLACE VIEW {database}.nat_evidence_between AS
WITH
  toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 86400) - 86400, 'UTC') AS since,
  toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 86400, 4294967295), 'UTC') AS until,
  -- observers that may be gateways: (observer, named, their contexts)
  (
    SELECT groupArray((observer, named, contexts))
    FROM (
      SELECT observer, max(interface_type LIKE '%nat_gateway%' OR startsWith(resource_id, 'nat-')) AS named, groupUniqArray(interface) AS contexts,
        max(instance_id != '' OR (interface_type != '' AND interface_type NOT LIKE '%nat_gateway%')) AS other
      FROM {database}.interfaces
      WHERE observer != ''
      GROUP BY observer
      HAVING named OR NOT other
    )
  ) AS candidates,
  arrayFlatten(arrayMap(candidate -> candidate.3, candidates)) AS contexts,
  (
    SELECT groupArray((interface, foreign_rows, client_in))
    FROM (
      SELECT interface, count() AS foreign_rows, max(direction = 'ingress' AND opens AND object_id IN (
        SELECT object_id FROM {database}.objects
        WHERE match(coalesce(header, ''), '(^|[\\s,{"])instance[-_]id([\\s,}"]|$)')
          AND (slot_start IS NULL OR (toUnixTimestamp(slot_start) + 86400 >= toUnixTimestamp(since) AND toUnixTimestamp(slot_start) <= toUnixTimestamp(until) + 86400))
      )) AS client_in
      FROM (
        SELECT interface, direction, pkt_local, object_id, protocol = 6 AND NOT bitTest(absent, 1) AND bitAnd(tcp_flags, 18) = 2 AS opens
        FROM {database}.flows
        WHERE pkt_local != toIPv6('::') AND direction != 'unknown' AND start >= since AND start <= until
      )
      WHERE has(contexts, interface) AND NOT {private:pkt_local}
      GROUP BY interface
    )
  ) AS passing,
  -- of those alone: their own connections with public addresses
  (
    SELECT groupArray((interface, opens, answers))
    FROM (
      SELECT interface, max(opener = 2) AS opens, max(opener = 18) AS answers
      FROM (
        SELECT interface, remote_addr, bitAnd(tcp_flags, 18) AS opener
        FROM {database}.flows
        WHERE has(arrayMap(each -> each.1, passing), interface) AND notEmpty(passing)
          AND direction = 'egress' AND protocol = 6 AND bitAnd(tcp_flags, 2) != 0 AND bitAnd(absent, 1026) = 0 AND pkt_local = toIPv6('::')
          AND start >= since AND start <= until
      )
      WHERE NOT {private:remote_addr}
      GROUP BY interface
    )
  ) AS own_side
SELECT candidate.1 AS observer,
  multiIf(
    candidate.2, 'named',
    arrayExists(each -> each.3 AND has(candidate.3, each.1), passing) AND arrayExists(each -> each.2 AND has(candidate.3, each.1), own_side)
      AND NOT arrayExists(each -> each.3 AND has(candidate.3, each.1), own_side), 'inferred',
    foreign_rows > 0 AND NOT arrayExists(each -> each.3 AND has(candidate.3, each.1), own_side), 'maybe',
    ''
  ) AS evidence,
  arraySum(each -> if(has(candidate.3, each.1), each.2, 0), passing) AS foreign_rows
FROM (SELECT arrayJoin(candidates) AS candidate)
WHERE evidence != ''
SETTINGS join_use_nulls = 0;

-- The observers that are NAT gateways: named or inferred. Parameters: from, to (both included), UTC.
CREATE OR REPLACE VIEW {database}.nat_interfaces_between AS
SELECT observer, evidence = 'named' AS named, foreign_rows
FROM {database}.nat_evidence_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
WHERE evidence IN ('named', 'inferred')
SETTINGS join_use_nulls = 0;

CREATE OR REPLACE VIEW {database}.nat_interfaces AS
SELECT * FROM {database}.nat_interfaces_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');

-- What was let in from outside, by observer, address, port and peer, of the flows that `flows_once` takes. Addresses are the true ends: a pod or a
-- secondary address stands for itself. A peer is outside unless its address is private by range, in the setting `networks.own`, or known to the map
-- in the scope of the observer.
-- A conversation (addresses and ports) is inbound by its TCP flags: a SYN came in or a SYN+ACK went out in any of its records, whatever the
-- ports. It is not if a SYN went out or a SYN+ACK came in. Only if flags say nothing, the port of the service decides (inferred = 1, as where the
-- direction of a record was only counted out). ICMP is inbound unless an earlier packet to the peer explains it.
-- evidence:
--   answered: SYN+ACK went out, or TCP flags show other traffic back than a reset;
--   replied: traffic back whose flags are not known (a format without tcp-flags, UDP, ICMP): it may be a reset or our own request;
--   accepted: let in, no answer seen;
--   nat-phantom: a NAT gateway (nat_evidence_between), which drops it. maybe_nat = 1: it may be one.
-- Where records of an observer lack account, VPC, subnet or instance, because the format of their flow log does, the value that the others have is
-- taken. Two instances, one after the other at one interface, stay two rows.
-- Parameters: from, to (both included), UTC.
CREATE OR REPLACE VIEW {database}.exposed_ports_between AS
WITH
  4294967295 AS never,
  (
    SELECT groupArray((first, last, account_id, vpc_id)) FROM {database}.own_networks
    WHERE cidr != '' AND set_at = (SELECT max(set_at) FROM {database}.own_networks)
  ) AS networks,
  conversations AS (
    SELECT interface, protocol, address, local_port, peer, remote_port,
      groupBitOr(sign) AS seen, max(half_address) AS named,
      min(if(direction = 'ingress', toUnixTimestamp(start), never)) AS in_from, min(if(direction = 'egress', toUnixTimestamp(start), never)) AS out_from,
      any(remote_country) AS country, any(remote_asn) AS asn, any(remote_as_org) AS as_org, any(remote_threat) AS threat,
      countIf(direction = 'ingress') AS flows, sumIf(packets, direction = 'ingress') AS packets, sumIf(bytes, direction = 'ingress') AS bytes,
      min(start) AS first_seen, max(start + greatest(dur, 0)) AS last_seen
    FROM (
      SELECT interface, protocol, local_port, remote_port, start, dur, direction, packets, bytes, remote_country, remote_asn, remote_as_org, remote_threat,
        -- a format with one of the two packet addresses names it in one direction only: there both directions meet at the interface's own address
        bitAnd(absent, 3072) != 0 AS half,
        if(half OR (pkt_local = toIPv6('::') AND NOT bitTest(absent, 16)), local_addr, pkt_local) AS address,
        if(half OR (pkt_remote = toIPv6('::') AND NOT bitTest(absent, 17)), remote_addr, pkt_remote) AS peer,
        if(half, pkt_local, toIPv6('::')) AS half_address,
        protocol = 6 AND NOT bitTest(absent, 1) AS flagged,
        -- 1 SYN in, 2 SYN+ACK out, 4 SYN out, 8 SYN+ACK in, 16 in, 32 out with more than a reset, 64 out without flags, 128 the port of the service,
        -- 256 a direction that was only counted out
        toUInt16(
          if(direction = 'ingress',
            16 + if(flagged, multiIf(bitAnd(tcp_flags, 18) = 2, 1, bitAnd(tcp_flags, 18) = 18, 8, 0), 0),
            if(flagged, multiIf(bitAnd(tcp_flags, 18) = 2, 4, bitAnd(tcp_flags, 18) = 18, 34, bitAnd(tcp_flags, 4) = 0 OR bitAnd(tcp_flags, 3) != 0, 32, 0), 64))
          + if(service_port = local_port AND bitAnd(absent, 96) = 0, 128, 0)
          + if(direction_source = 'inferred_count', 256, 0)
        ) AS sign
      FROM {database}.flows_once(
        from = {from:DateTime('UTC')},
        to = toString(toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 1, 4294967295), 'UTC'), 'UTC')
      )
      WHERE action = 'ACCEPT' AND direction != 'unknown' AND bitAnd(absent, 513) = 0
        -- Not read: what can neither be inbound nor say that something is not. That is the opening of our own connections to a port that is a service
        -- by any rule, and what has no flags and another service; most rows of many networks are such.
        AND (service_port = local_port OR protocol IN (1, 58)
          OR (protocol = 6 AND NOT bitTest(absent, 1)
            AND (bitAnd(tcp_flags, 2) = 0 OR (direction = 'ingress') = (bitAnd(tcp_flags, 16) = 0)
              OR remote_port >= local_port OR (local_port < 49152 AND remote_port NOT IN (53, 80, 443)))))
    )
    WHERE NOT {private:peer}
    GROUP BY interface, protocol, address, local_port, peer, remote_port
  ),
  inbound AS (
    SELECT *, if(named = toIPv6('::'), address, named) AS reported,
      protocol IN (1, 58) AS icmp, protocol = 6 AND bitAnd(seen, 3) != 0 AS opened,
      multiIf(bitAnd(seen, 34) != 0 AND protocol = 6, 3, bitAnd(seen, 64) != 0, 2, 1) AS tier,
      bitAnd(seen, 256) != 0 OR (NOT opened AND NOT (icmp AND in_from < out_from)) AS guessed
    FROM conversations
    WHERE multiIf(
      icmp, bitAnd(seen, 16) != 0 AND in_from <= out_from,
      opened, 1,
      bitAnd(seen, 12) != 0, 0,
      bitAnd(seen, 144) = 144 AND (local_port != remote_port OR in_from <= out_from)
    )
  ),
  by_context AS (
    SELECT interface, protocol, reported AS address, local_port, peer,
      any(i.country) AS country, any(i.asn) AS asn, any(i.as_org) AS as_org, any(i.threat) AS threat,
      sum(i.flows) AS flows, sum(i.packets) AS packets, sum(i.bytes) AS bytes, min(i.first_seen) AS first_seen, max(i.last_seen) AS last_seen,
      max(2 * i.tier + NOT i.guessed) AS best
    FROM inbound AS i
    GROUP BY interface, protocol, address, local_port, peer
  ),
  observed AS (
    SELECT c.*, o.observer AS observer, o.account_id AS account_id, o.vpc_id AS vpc_id, o.subnet_id AS subnet_id, o.instance_id AS instance_id
    FROM by_context AS c
    LEFT ANY JOIN {database}.interfaces AS o ON c.interface = o.interface
    WHERE (o.scope, peer) NOT IN (SELECT scope, ip FROM {database}.own_addresses)
      AND NOT arrayExists(own -> peer BETWEEN own.1 AND own.2 AND own.3 IN ('', o.account_id) AND own.4 IN ('', o.vpc_id), networks)
  ),
  completed AS (
    SELECT * EXCEPT (account_id, vpc_id, subnet_id, instance_id),
      if(observer != '' AND min(nullIf(c.account_id, '')) OVER exposure = max(c.account_id) OVER exposure, max(c.account_id) OVER exposure, c.account_id) AS account_id,
      if(observer != '' AND min(nullIf(c.vpc_id, '')) OVER exposure = max(c.vpc_id) OVER exposure, max(c.vpc_id) OVER exposure, c.vpc_id) AS vpc_id,
      if(observer != '' AND min(nullIf(c.subnet_id, '')) OVER exposure = max(c.subnet_id) OVER exposure, max(c.subnet_id) OVER exposure, c.subnet_id) AS subnet_id,
      if(observer != '' AND min(nullIf(c.instance_id, '')) OVER exposure = max(c.instance_id) OVER exposure, max(c.instance_id) OVER exposure, c.instance_id) AS instance_id
    FROM observed AS c
    WINDOW exposure AS (PARTITION BY observer, protocol, address, local_port, peer)
  )
SELECT
  multiIf(any(n.evidence) IN ('named', 'inferred'), 'nat-phantom', ['accepted', 'replied', 'answered'][intDiv(max(x.best), 2)]) AS evidence,
  x.observer AS observer, x.account_id AS account_id, x.vpc_id AS vpc_id, x.subnet_id AS subnet_id, x.instance_id AS instance_id,
  x.protocol AS protocol, x.address AS local_addr, x.local_port AS local_port, x.peer AS remote_addr,
  any(x.country) AS country, any(x.asn) AS asn, any(x.as_org) AS as_org, any(x.threat) AS threat,
  sum(x.flows) AS flows, sum(x.packets) AS packets, sum(x.bytes) AS bytes, min(x.first_seen) AS first_seen, max(x.last_seen) AS last_seen,
  toUInt8(max(x.best) % 2 = 0) AS inferred, toUInt8(any(n.evidence) = 'maybe') AS maybe_nat
FROM completed AS x
LEFT ANY JOIN {database}.nat_evidence_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS n ON x.observer = n.observer
GROUP BY x.observer, x.account_id, x.vpc_id, x.subnet_id, x.instance_id, x.protocol, x.address, x.local_port, x.peer
SETTINGS join_use_nulls = 0;

-- The same of all days there are.
CREATE OR REPLACE VIEW {database}.exposed_ports AS
SELECT * FROM {database}.exposed_ports_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');
