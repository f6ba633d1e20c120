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
  observers AS (
    SELECT observer,
      max(interface_type LIKE '%nat_gateway%' OR startsWith(resource_id, 'nat-')) AS named,
      max(instance_id != '' OR (interface_type != '' AND interface_type NOT LIKE '%nat_gateway%')) AS other
    FROM {database}.interfaces
    WHERE observer != ''
    GROUP BY observer
  ),
  candidates AS (
    SELECT interface, observer FROM {database}.interfaces
    WHERE observer IN (SELECT observer FROM observers WHERE named OR NOT other)
    LIMIT 1 BY interface
  ),
  signs AS (
    SELECT interface,
      countIf(foreign) AS foreign_rows,
      maxIf(1, foreign AND direction = 'ingress' AND opens AND has_instance_id) AS client_in,
      maxIf(1, equal AND direction = 'egress' AND opens AND has_instance_id AND NOT {private:remote_addr}) AS peer_out,
      maxIf(1, equal AND direction = 'egress' AND protocol = 6 AND NOT bitTest(absent, 1) AND bitAnd(tcp_flags, 18) = 18 AND NOT {private:remote_addr}) AS answers
    FROM (
      SELECT interface, direction, protocol, tcp_flags, absent, remote_addr,
        pkt_local != toIPv6('::') AND NOT {private:pkt_local} AS foreign,
        pkt_local = toIPv6('::') AND NOT bitTest(absent, 10) AS equal,
        protocol = 6 AND NOT bitTest(absent, 1) AND bitAnd(tcp_flags, 18) = 2 AS opens,
        object_id IN (
          SELECT object_id FROM {database}.objects
          WHERE match(coalesce(header, ''), '(^|[\\s,{"])instance[-_]id([\\s,}"]|$)')
            AND (slot_start IS NULL
              OR (toUnixTimestamp(slot_start) + 172800 >= toUnixTimestamp({from:DateTime('UTC')}) AND toUnixTimestamp(slot_start) <= toUnixTimestamp({to:DateTime('UTC')}) + 172800))
        ) AS has_instance_id
      FROM {database}.flows
      WHERE interface IN (SELECT interface FROM candidates) AND direction != 'unknown' AND NOT bitTest(absent, 10)
        AND start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 86400) - 86400, 'UTC')
        AND start <= toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 86400, 4294967295), 'UTC')
    )
    GROUP BY interface
  ),
  judged AS (
    SELECT c.observer AS observer, max(o.named) AS is_named, sum(s.foreign_rows) AS foreign_rows,
      multiIf(is_named, 'named', max(s.client_in) AND max(s.peer_out) AND NOT max(s.answers), 'inferred', foreign_rows > 0 AND NOT max(s.answers), 'maybe', '') AS evidence
    FROM candidates AS c
    INNER JOIN observers AS o ON c.observer = o.observer
    LEFT JOIN signs AS s ON c.interface = s.interface
    GROUP BY c.observer
  )
SELECT observer, evidence, foreign_rows FROM judged WHERE evidence != ''
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
-- ports. It is not if a SYN went out or a SYN+ACK came in. Only if flags say nothing, the port of the service decides (inferred = 1). ICMP is
-- inbound unless an earlier packet to the peer explains it.
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
  observers AS (
    SELECT interface, observer, if(observer = '', toString(interface), observer) AS point, scope, account_id, vpc_id, subnet_id, instance_id
    FROM {database}.interfaces LIMIT 1 BY interface
  ),
  (
    SELECT groupArray((first, last, account_id, vpc_id)) FROM {database}.own_networks
    WHERE cidr != '' AND set_at = (SELECT max(set_at) FROM {database}.own_networks)
  ) AS networks,
  conversations AS (
    SELECT interface, protocol, address, local_port, peer, remote_port,
      groupBitOr(sign) AS signs, max(half_address) AS named,
      min(if(direction = 'ingress', toUnixTimestamp(start), never)) AS first_in, min(if(direction = 'egress', toUnixTimestamp(start), never)) AS first_out,
      any(remote_country) AS country, any(remote_asn) AS asn, any(remote_as_org) AS as_org, any(remote_threat) AS threat,
      countIf(direction = 'ingress') AS flows, sumIf(packets, direction = 'ingress') AS packets, sumIf(bytes, direction = 'ingress') AS bytes,
      min(start) AS first_seen, max(start + greatest(dur, 0)) AS last_seen
    FROM (
      SELECT interface, protocol, local_port, remote_port, start, dur, direction, packets, bytes, remote_country, remote_asn, remote_as_org, remote_threat,
        -- a format with one of the two packet addresses names it in one direction only: there both directions meet at the interface's own address
        bitTest(absent, 10) OR bitTest(absent, 11) AS half,
        if(half OR (pkt_local = toIPv6('::') AND NOT bitTest(absent, 16)), local_addr, pkt_local) AS address,
        if(half OR (pkt_remote = toIPv6('::') AND NOT bitTest(absent, 17)), remote_addr, pkt_remote) AS peer,
        if(half, pkt_local, toIPv6('::')) AS half_address,
        protocol = 6 AND NOT bitTest(absent, 1) AS flagged,
        -- 1 SYN in, 2 SYN+ACK out, 4 SYN out, 8 SYN+ACK in, 16 in, 32 out with more than a reset, 64 out without flags, 128 the port of the service
        toUInt8(
          if(direction = 'ingress',
            16 + if(flagged, multiIf(bitAnd(tcp_flags, 18) = 2, 1, bitAnd(tcp_flags, 18) = 18, 8, 0), 0),
            if(flagged, multiIf(bitAnd(tcp_flags, 18) = 2, 4, bitAnd(tcp_flags, 18) = 18, 34, bitAnd(tcp_flags, 4) = 0 OR bitAnd(tcp_flags, 3) != 0, 32, 0), 64))
          + if(service_port = local_port AND NOT bitTest(absent, 5) AND NOT bitTest(absent, 6), 128, 0)
        ) AS sign
      FROM {database}.flows_once(
        from = {from:DateTime('UTC')},
        to = toString(toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 1, 4294967295), 'UTC'), 'UTC')
      )
      WHERE action = 'ACCEPT' AND direction != 'unknown' AND NOT bitTest(absent, 0) AND NOT bitTest(absent, 9)
    )
    WHERE NOT {private:peer}
    GROUP BY interface, protocol, address, local_port, peer, remote_port
  ),
  inbound AS (
    SELECT point, protocol, address, local_port, peer, remote_port,
      if(max(c.named) = toIPv6('::'), address, max(c.named)) AS reported,
      groupBitOr(c.signs) AS seen, min(c.first_in) AS in_from, min(c.first_out) AS out_from,
      protocol IN (1, 58) AS icmp, protocol = 6 AND bitAnd(seen, 3) != 0 AS opened,
      multiIf(
        icmp, bitAnd(seen, 16) != 0 AND in_from <= out_from,
        opened, 1,
        bitAnd(seen, 12) != 0, 0,
        bitAnd(seen, 144) = 144 AND (local_port != remote_port OR in_from <= out_from)
      ) AS is_inbound,
      multiIf(bitAnd(seen, 34) != 0 AND protocol = 6, 3, out_from != never AND bitAnd(seen, 64) != 0, 2, 1) AS tier,
      NOT opened AND NOT (icmp AND in_from < out_from) AS guessed,
      groupArray((c.interface, c.country, c.asn, c.as_org, c.threat, c.flows, c.packets, c.bytes, c.first_seen, c.last_seen)) AS members,
      max(
        (o.scope, peer) IN (SELECT scope, ip FROM {database}.own_addresses)
        OR arrayExists(own -> peer BETWEEN own.1 AND own.2 AND own.3 IN ('', o.account_id) AND own.4 IN ('', o.vpc_id), networks)
      ) AS is_own
    FROM conversations AS c LEFT ANY JOIN observers AS o ON c.interface = o.interface
    GROUP BY point, protocol, address, local_port, peer, remote_port
    HAVING is_inbound AND NOT is_own
  ),
  by_context AS (
    SELECT o.observer AS observer, o.account_id AS account_id, o.vpc_id AS vpc_id, o.subnet_id AS subnet_id, o.instance_id AS instance_id,
      m.protocol AS protocol, m.address AS address, m.local_port AS local_port, m.peer AS peer,
      any(m.member.2) AS country, any(m.member.3) AS asn, any(m.member.4) AS as_org, any(m.member.5) AS threat,
      sum(m.member.6) AS flows, sum(m.member.7) AS packets, sum(m.member.8) AS bytes, min(m.member.9) AS first_seen, max(m.member.10) AS last_seen,
      max((m.tier, NOT m.guessed)) AS best
    FROM (SELECT point, protocol, reported AS address, local_port, peer, tier, guessed, arrayJoin(members) AS member FROM inbound) AS m
    LEFT ANY JOIN observers AS o ON m.member.1 = o.interface
    GROUP BY observer, account_id, vpc_id, subnet_id, instance_id, protocol, address, local_port, peer
  ),
  completed AS (
    SELECT * EXCEPT (account_id, vpc_id, subnet_id, instance_id),
      if(observer != '' AND min(nullIf(c.account_id, '')) OVER exposure = max(c.account_id) OVER exposure, max(c.account_id) OVER exposure, c.account_id) AS account_id,
      if(observer != '' AND min(nullIf(c.vpc_id, '')) OVER exposure = max(c.vpc_id) OVER exposure, max(c.vpc_id) OVER exposure, c.vpc_id) AS vpc_id,
      if(observer != '' AND min(nullIf(c.subnet_id, '')) OVER exposure = max(c.subnet_id) OVER exposure, max(c.subnet_id) OVER exposure, c.subnet_id) AS subnet_id,
      if(observer != '' AND min(nullIf(c.instance_id, '')) OVER exposure = max(c.instance_id) OVER exposure, max(c.instance_id) OVER exposure, c.instance_id) AS instance_id
    FROM by_context AS c
    WINDOW exposure AS (PARTITION BY observer, protocol, address, local_port, peer)
  )
SELECT
  multiIf(any(n.evidence) IN ('named', 'inferred'), 'nat-phantom', ['accepted', 'replied', 'answered'][max(x.best).1]) AS evidence,
  x.observer AS observer, x.account_id AS account_id, x.vpc_id AS vpc_id, x.subnet_id AS subnet_id, x.instance_id AS instance_id,
  x.protocol AS protocol, x.address AS local_addr, x.local_port AS local_port, x.peer AS remote_addr,
  any(x.country) AS country, any(x.asn) AS asn, any(x.as_org) AS as_org, any(x.threat) AS threat,
  sum(x.flows) AS flows, sum(x.packets) AS packets, sum(x.bytes) AS bytes, min(x.first_seen) AS first_seen, max(x.last_seen) AS last_seen,
  toUInt8(NOT max(x.best).2) AS inferred, toUInt8(any(n.evidence) = 'maybe') AS maybe_nat
FROM completed AS x
LEFT ANY JOIN {database}.nat_evidence_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS n ON x.observer = n.observer
GROUP BY x.observer, x.account_id, x.vpc_id, x.subnet_id, x.instance_id, x.protocol, x.address, x.local_port, x.peer
SETTINGS join_use_nulls = 0;

-- The same of all days there are.
CREATE OR REPLACE VIEW {database}.exposed_ports AS
SELECT * FROM {database}.exposed_ports_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');
