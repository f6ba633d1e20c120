-- Conversations (interface, protocol, addresses and ports) of the flows that `flows_once` takes, with peers that are not private by range: what
-- `exposed_ports_between` judges. Read from 690 seconds before `from`; within: some of it lies in from..to.
-- seen: what was seen of it, as bits (see `sign` below), any of its records. A time that is 4294967295 in a column ..._from: never. syn_...: of SYNs that
-- came in, at the time asked; rest_...: of what else came in then, but answers to us. named: of a format with one of the two packet addresses that one, else ::.
-- It is a view of its own because the server plans each question anew: in one query with all that is judged, planning took nearly twice as long.
-- Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.exposure_conversations_between AS
WITH
  4294967295 AS never,
  toUnixTimestamp({from:DateTime('UTC')}) AS asked
SELECT interface, protocol, address, local_port, peer, remote_port,
  groupBitOr(sign) AS seen, max(half_address) AS named,
  min(if(bitAnd(sign, 16) != 0, at, never)) AS in_from, min(if(bitAnd(sign, 96) != 0, at, never)) AS back_from,
  min(if(bitAnd(sign, 1) != 0, at, never)) AS syn_from, min(if(bitAnd(sign, 12) != 0, at, never)) AS own_from,
  max(if(bitAnd(sign, 12) != 0, at, 0)) AS own_to, min(if(rest, at, never)) AS rest_from, max(if(rest, at, 0)) AS rest_to,
  any(remote_country) AS country, any(remote_asn) AS asn, any(remote_as_org) AS as_org, max(remote_threat) AS threat,
  countIf(syn) AS syn_flows, sumIf(packets, syn) AS syn_packets, sumIf(bytes, syn) AS syn_bytes,
  countIf(rest) AS rest_flows, sumIf(packets, rest) AS rest_packets, sumIf(bytes, rest) AS rest_bytes,
  min(if(timed, at, NULL)) AS first, max(if(timed, at + greatest(dur, 0), NULL)) AS last,
  max(at >= asked) AS within, max(at >= asked AND bitAnd(sign, 2) != 0) AS answer
FROM (
  SELECT interface, protocol, toUnixTimestamp(start) AS at, dur, at >= asked AND time_source != 'none' AS timed,
    if(bitTest(absent, 3), NULL, f.packets) AS packets, if(bitTest(absent, 4), NULL, f.bytes) AS bytes,
    -- a format with one of the two packet addresses names it in one direction only: there both directions meet at the interface's own address
    bitAnd(absent, 3072) != 0 AS half,
    f.protocol = 6 AND NOT bitTest(absent, 1) AS flagged,
    f.protocol NOT IN (6, 17, 33, 132) AS portless,
    bitAnd(absent, 96) = 0 AND f.service_port = f.local_port AS serves,
    -- of an unknown direction: flags that say which end is the service, and ports that do. In the middle of a connection two high ports say
    -- nothing: a client's port can be the lower one, and the opening says it.
    flagged AND bitAnd(tcp_flags, 2) != 0 AS opening,
    NOT opening AND NOT bitTest(absent, 5) AND (f.service_port < 1024 OR NOT flagged) AS by_ports,
    -- a record of unknown direction (its source stands as local) whose destination is the end of the service: taken as if that were ours
    direction = 'unknown' AND multiIf(
      portless, 1,
      opening, bitAnd(tcp_flags, 16) = 0,
      by_ports AND NOT bitTest(absent, 7) AND (f.service_port = f.remote_port OR least(f.local_port, f.remote_port) >= 32768)
    ) AS turned,
    -- what came in at the time asked: a SYN, and the rest of it but answers to us
    at >= asked AND bitAnd(sign, 1) != 0 AS syn,
    at >= asked AND (turned OR bitAnd(sign, 25) = 16) AS rest,
    if(half OR (pkt_local = toIPv6('::') AND NOT bitTest(absent, 16)), local_addr, pkt_local) AS source,
    if(half OR (pkt_remote = toIPv6('::') AND NOT bitTest(absent, 17)), remote_addr, pkt_remote) AS target,
    if(turned, target, source) AS address,
    if(turned, source, target) AS peer,
    if(turned, f.remote_port, f.local_port) AS local_port,
    if(turned, f.local_port, f.remote_port) AS remote_port,
    if(half, if(turned, pkt_remote, pkt_local), toIPv6('::')) AS half_address,
    nullIf(if(turned, f.local_country, f.remote_country), '') AS remote_country,
    nullIf(if(turned, f.local_asn, f.remote_asn), 0) AS remote_asn,
    nullIf(if(turned, f.local_as_org, f.remote_as_org), '') AS remote_as_org,
    if(bitTest(absent, if(turned, 12, 13)), NULL, if(turned, f.local_threat, f.remote_threat)) AS remote_threat,
    -- 1 SYN in, 2 SYN+ACK out, 4 SYN out, 8 SYN+ACK in, 16 in, 32 out with more than a reset, 64 out without flags, 128 the port of the service,
    -- 256 a direction that is a guess, 512 an unknown direction, 1024 let in
    toUInt16(if(action = 'ACCEPT', 1024, 0) + if(direction = 'unknown', 512,
      if(direction = 'ingress',
        16 + if(flagged, multiIf(bitAnd(tcp_flags, 18) = 2, 1, bitAnd(tcp_flags, 18) = 18, 8, 0), 0),
        if(flagged, multiIf(bitAnd(tcp_flags, 18) = 2, 4, bitAnd(tcp_flags, 18) = 18, 34, bitAnd(tcp_flags, 4) = 0 OR bitAnd(tcp_flags, 3) != 0, 32, 0), 64))
      + if(serves, 128, 0)
      + if(direction_source NOT IN ('logged', 'own_network', 'inferred'), 256, 0)
    )) AS sign
  FROM {database}.flows_once(
    from = toString(toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}), 690) - 690, 'UTC'), 'UTC'),
    to = {to:DateTime('UTC')}
  ) AS f
  -- Not read: what does not say the protocol, both ends (with both packet addresses in the format, they are known without those of the interface)
  -- and, of a protocol with ports, both ports. What is unknown would be taken for one and the same end.
  WHERE NOT bitTest(absent, 0) AND NOT (half AND bitAnd(absent, 768) != 0) AND (portless OR bitAnd(absent, 192) = 0)
    -- Not read: of an unknown direction, what names no service.
    AND if(direction = 'unknown',
      action = 'ACCEPT' AND (turned OR opening OR (by_ports AND serves)),
      action != 'REJECT')
)
WHERE NOT {private:peer} AND {in_order:exposed_ports_between}
GROUP BY interface, protocol, address, local_port, peer, remote_port
SETTINGS join_use_nulls = 0;
