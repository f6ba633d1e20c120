-- The flow log as AWS names it (29 fields of versions 2 to 5), then the later fields, then what flowloom adds. Absent values are NULL.
-- `start` and `end` are NULL if nothing says the time (time_source none); a condition on `start` reads only the days it needs. time_source tells where
-- they come from (start, end: only that one is from the record, the other is unknown and equal to it). The interface a row joins is its whole cloud context; repeats of one in
-- `interfaces` are equal, so any of them will do.
-- The side of the interface itself is ours, whatever country or network its range belongs to elsewhere: neither is said of it if the direction is
-- known. A packet address that differs is another matter: it may be that of a client or a peer.
CREATE OR REPLACE VIEW {database}.flow_log AS
WITH
  direction = 'ingress' AS turned,
  if(direction = 'unknown' OR pkt_local != toIPv6('::') OR bitTest(absent, 16), toString(local_country), '') AS own_country,
  if(direction = 'unknown' OR pkt_local != toIPv6('::') OR bitTest(absent, 16), local_asn, 0) AS own_asn,
  if(direction = 'unknown' OR pkt_local != toIPv6('::') OR bitTest(absent, 16), toString(local_as_org), '') AS own_as_org,
  replaceRegexpOne(toString(local_addr), '^::ffff:(\\d+\\.)', '\\1') AS local_text,
  replaceRegexpOne(toString(remote_addr), '^::ffff:(\\d+\\.)', '\\1') AS remote_text,
  if(bitTest(absent, 8), NULL, local_text) AS local,
  if(bitTest(absent, 9), NULL, remote_text) AS remote,
  multiIf(bitTest(absent, 10), NULL, bitTest(absent, 16), '::', pkt_local = toIPv6('::'), local_text, replaceRegexpOne(toString(pkt_local), '^::ffff:(\\d+\\.)', '\\1')) AS packet_local,
  multiIf(bitTest(absent, 11), NULL, bitTest(absent, 17), '::', pkt_remote = toIPv6('::'), remote_text, replaceRegexpOne(toString(pkt_remote), '^::ffff:(\\d+\\.)', '\\1')) AS packet_remote,
  if(bitTest(absent, 6), NULL, local_port) AS port_local,
  if(bitTest(absent, 7), NULL, remote_port) AS port_remote,
  nullIf(toString(local_service), '') AS service_local,
  nullIf(toString(remote_service), '') AS service_remote,
  if(bitTest(absent, 14), NULL, service_local) AS logged_local,
  if(bitTest(absent, 15), NULL, service_remote) AS logged_remote,
  if(bitTest(absent, 12), NULL, toString(local_threat)) AS threat_local,
  if(bitTest(absent, 13), NULL, toString(remote_threat)) AS threat_remote
SELECT
  nullIf(f.version, 0) AS version,
  nullIf(i.account_id, '') AS account_id,
  nullIf(i.interface_id, '') AS interface_id,
  if(turned, remote, local) AS srcaddr,
  if(turned, local, remote) AS dstaddr,
  if(turned, port_remote, port_local) AS srcport,
  if(turned, port_local, port_remote) AS dstport,
  if(bitTest(absent, 0), NULL, f.protocol) AS protocol,
  if(bitTest(absent, 3), NULL, f.packets) AS packets,
  if(bitTest(absent, 4), NULL, f.bytes) AS bytes,
  f.known_start AS start,
  f.known_start + f.dur AS end,
  nullIf(toString(f.action), '-') AS action,
  nullIf(toString(f.log_status), '-') AS log_status,
  nullIf(i.vpc_id, '') AS vpc_id,
  nullIf(i.subnet_id, '') AS subnet_id,
  nullIf(i.instance_id, '') AS instance_id,
  if(bitTest(absent, 1), NULL, f.tcp_flags) AS tcp_flags,
  nullIf(toString(f.type), '') AS type,
  if(turned, packet_remote, packet_local) AS pkt_srcaddr,
  if(turned, packet_local, packet_remote) AS pkt_dstaddr,
  nullIf(i.region, '') AS region,
  nullIf(i.az_id, '') AS az_id,
  nullIf(i.sublocation_type, '') AS sublocation_type,
  nullIf(i.sublocation_id, '') AS sublocation_id,
  if(turned, logged_remote, logged_local) AS pkt_src_aws_service,
  if(turned, logged_local, logged_remote) AS pkt_dst_aws_service,
  nullIf(toString(f.flow_direction), '-') AS flow_direction,
  nullIf(f.traffic_path, 0) AS traffic_path,
  nullIf(toString(f.reject_reason), '') AS reject_reason,
  nullIf(i.resource_id, '') AS resource_id,
  if(bitTest(absent, 2), NULL, f.encryption) AS encryption_status,
  nullIf(i.interface_type, '') AS interface_type,
  nullIf(toString(f.next_hop_interface_id), '') AS next_hop_interface_id,
  nullIf(toString(f.next_hop_subnet_id), '') AS next_hop_subnet_id,
  nullIf(toString(f.next_hop_az_id), '') AS next_hop_az_id,
  nullIf(toString(f.next_hop_vpc_id), '') AS next_hop_vpc_id,
  nullIf(toString(f.next_hop_interface_type), '') AS next_hop_interface_type,
  toString(f.direction) AS direction,
  toString(f.direction_source) AS direction_source,
  toString(f.time_source) AS time_source,
  if(bitTest(absent, 5), NULL, f.service_port) AS service_port,
  toString(f.service_port_source) AS service_port_source,
  nullIf(toString(f.service_name), '') AS service_name,
  nullIf(toString(if(turned, remote_country, own_country)), '') AS src_country,
  nullIf(toString(if(turned, own_country, remote_country)), '') AS dst_country,
  nullIf(if(turned, remote_asn, own_asn), 0) AS src_asn,
  nullIf(if(turned, own_asn, remote_asn), 0) AS dst_asn,
  nullIf(toString(if(turned, remote_as_org, own_as_org)), '') AS src_as_org,
  nullIf(toString(if(turned, own_as_org, remote_as_org)), '') AS dst_as_org,
  if(turned, threat_remote, threat_local) AS src_threat,
  if(turned, threat_local, threat_remote) AS dst_threat,
  if(turned, service_remote, service_local) AS src_aws_service,
  if(turned, service_local, service_remote) AS dst_aws_service,
  f.extra AS extra,
  f.interface AS interface,
  f.object_id AS object_id,
  f.line AS line
FROM (
    -- two parts, because a condition on "if(...)" would read all days
    SELECT *, toNullable(start) AS known_start FROM {database}.flows WHERE time_source != 'none'
    UNION ALL
    SELECT *, CAST(NULL, 'Nullable(DateTime(\'UTC\'))') AS known_start FROM {database}.flows WHERE time_source = 'none'
  ) AS f
LEFT ANY JOIN {database}.interfaces AS i ON f.interface = i.interface
SETTINGS join_use_nulls = 0;

ALTER TABLE {database}.flow_log MODIFY COMMENT 'every record that was read: of each flow log and of each version of an overwritten object; flows_once has those that count once';
