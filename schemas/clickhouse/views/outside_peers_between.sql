-- Flows (flows_once) with a peer outside, or one of whom nobody can say whether it is. An address is not outside if it is private by range, in the setting
-- `networks.own`, or known to the map as held by us in from..to in the scope of the flow. Addresses are those in the packets.
-- peer: the remote end. Where the direction is unknown (the source stands as local), the end that is not ours; flows between two of ours are left out.
-- known = 0: nobody can tell the peer. Its address is not logged, or the direction is unknown and neither end is known as ours: then nothing is said
-- of it. country, asn and as_org are '' or 0 if no table has them.
-- Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.outside_peers_between AS
WITH (SELECT ranges FROM {database}.own_ranges) AS networks
SELECT interface, observer, account_id, vpc_id, start, dur, time_source, action, direction, protocol, tcp_flags, local_port, remote_port, service_port, absent, bytes, packets,
  directed OR near_ours AS is_far, NOT is_far AND far_ours AS is_near,
  multiIf(is_far, far_known, is_near, near_known, 0) AS known,
  if(is_near, near, far) AS peer,
  multiIf(NOT known, '', is_near, near_country, far_country) AS country,
  multiIf(NOT known, 0, is_near, near_asn, far_asn) AS asn,
  multiIf(NOT known, '', is_near, near_as_org, far_as_org) AS as_org
FROM (
  SELECT s.*, i.observer AS observer, i.account_id AS account_id, i.vpc_id AS vpc_id,
    far_known AND (
      {private:far} OR (i.scope, far) IN (SELECT scope, ip FROM {database}.own_addresses_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}))
      OR arrayExists(own -> toUInt128(far) BETWEEN own.1 AND own.2 AND own.3 IN ('', i.account_id) AND own.4 IN ('', i.vpc_id), networks)
    ) AS far_ours,
    NOT directed AND near_known AND (
      {private:near} OR (i.scope, near) IN (SELECT scope, ip FROM {database}.own_addresses_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}))
      OR arrayExists(own -> toUInt128(near) BETWEEN own.1 AND own.2 AND own.3 IN ('', i.account_id) AND own.4 IN ('', i.vpc_id), networks)
    ) AS near_ours
  FROM (
    SELECT f.interface AS interface, f.start AS start, f.dur AS dur, f.time_source AS time_source, f.action AS action, f.direction AS direction, f.direction != 'unknown' AS directed,
      f.protocol AS protocol, f.tcp_flags AS tcp_flags, f.local_port AS local_port, f.remote_port AS remote_port, f.service_port AS service_port, f.absent AS absent,
      if(bitTest(f.absent, 4), NULL, f.bytes) AS bytes, if(bitTest(f.absent, 3), NULL, f.packets) AS packets,
      if(f.pkt_local = toIPv6('::') AND NOT bitTest(f.absent, 16), f.local_addr, f.pkt_local) AS near,
      if(f.pkt_remote = toIPv6('::') AND NOT bitTest(f.absent, 17), f.remote_addr, f.pkt_remote) AS far,
      bitAnd(f.absent, 1280) != 1280 AS near_known, bitAnd(f.absent, 2560) != 2560 AS far_known,
      f.local_country AS near_country, f.local_asn AS near_asn, f.local_as_org AS near_as_org,
      f.remote_country AS far_country, f.remote_asn AS far_asn, f.remote_as_org AS far_as_org
    FROM {database}.flows_once(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}) AS f
  ) AS s
  LEFT ANY JOIN (SELECT interface, scope, observer, account_id, vpc_id FROM {database}.interfaces) AS i ON s.interface = i.interface
)
WHERE NOT (far_ours AND (directed OR near_ours))
SETTINGS join_use_nulls = 0;
