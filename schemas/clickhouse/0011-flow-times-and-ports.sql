-- What records say more: where the service port comes from, directions by own networks, times of which one is logged, the scope that a source names, and the other values of NODATA and SKIPDATA records.

ALTER TABLE {database}.flows
  MODIFY COLUMN direction_source Enum8('none' = 0, 'logged' = 1, 'inferred' = 2, 'inferred_count' = 3, 'own_network' = 4),
  MODIFY COLUMN time_source Enum8('none' = 0, 'logged' = 1, 'slot' = 2, 'start' = 3, 'end' = 4),
  ADD COLUMN IF NOT EXISTS service_port_source Enum8('none' = 0, 'tcp_flags' = 1, 'inferred' = 2) DEFAULT if(bitTest(absent, 5), 'none', 'inferred') COMMENT 'tcp_flags: SYN without ACK or SYN with ACK; inferred: by the two port numbers' AFTER service_port;

ALTER TABLE {database}.flow_gaps
  MODIFY COLUMN time_source Enum8('none' = 0, 'logged' = 1, 'slot' = 2, 'start' = 3, 'end' = 4),
  ADD COLUMN IF NOT EXISTS extra Map(String, String) COMMENT 'values of the line that have no column here, by name in the log';

-- An account or region that is not known is no scope: it would join the addresses of several.
ALTER TABLE {database}.interfaces
  ADD COLUMN IF NOT EXISTS source_scope String COMMENT 'scope that the source of the object names, for records without a VPC' AFTER tgw_pair_attachment_id;
ALTER TABLE {database}.interfaces
  MODIFY COLUMN scope String ALIAS multiIf(vpc_id != '', vpc_id, source_scope != '', source_scope, account_id IN ('', 'unknown') OR region = '', '', concat(account_id, '/', region)) COMMENT 'scope of its addresses in cloud_map; empty: none';

-- The flow log as AWS names it, as in 0002. time_source: start, end: only that one is from the record, the other is unknown and equal to it.
CREATE OR REPLACE VIEW {database}.flow_log AS
WITH
  direction = 'ingress' AS turned,
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
  f.start AS start,
  f.start + f.dur AS end,
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
  nullIf(toString(if(turned, remote_country, local_country)), '') AS src_country,
  nullIf(toString(if(turned, local_country, remote_country)), '') AS dst_country,
  nullIf(if(turned, remote_asn, local_asn), 0) AS src_asn,
  nullIf(if(turned, local_asn, remote_asn), 0) AS dst_asn,
  nullIf(toString(if(turned, remote_as_org, local_as_org)), '') AS src_as_org,
  nullIf(toString(if(turned, local_as_org, remote_as_org)), '') AS dst_as_org,
  if(turned, threat_remote, threat_local) AS src_threat,
  if(turned, threat_local, threat_remote) AS dst_threat,
  if(turned, service_remote, service_local) AS src_aws_service,
  if(turned, service_local, service_remote) AS dst_aws_service,
  f.extra AS extra,
  f.interface AS interface,
  f.object_id AS object_id,
  f.line AS line
FROM {database}.flows AS f
LEFT ANY JOIN {database}.interfaces AS i ON f.interface = i.interface
SETTINGS join_use_nulls = 0;

ALTER TABLE {database}.flow_log MODIFY COMMENT 'every record that was read: of each flow log and of each version of an overwritten object; flows_once has those that count once';

-- As in 0008: made again, because a view keeps the types of the columns that it had.
CREATE OR REPLACE VIEW {database}.flows_once AS
SELECT f.*
FROM {database}.flows AS f
WHERE f.start >= {from:DateTime('UTC')} AND f.start < {to:DateTime('UTC')}
  AND (toStartOfFiveMinutes(f.start), f.action = 'REJECT', f.interface, f.object_id) NOT IN (
    SELECT slot, rejected, member.1, member.2
    FROM (SELECT slot, rejected, arrayJoin(repeated) AS member FROM {database}.flow_log_overlaps(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}))
  )
  AND f.object_id NOT IN (
    SELECT arrayJoin(arrayFilter(version -> version != counted, versions))
    FROM (
      SELECT groupArray(object_id) AS versions, argMax(object_id, (is_done, written)) AS counted
      FROM (
        SELECT bucket, key, object_id, max(version) AS written, argMax(state, version) = 'done' AS is_done
        FROM {database}.objects
        WHERE slot_start IS NULL OR (toUnixTimestamp(slot_start) >= toUnixTimestamp({from:DateTime('UTC')}) - 86400 AND toUnixTimestamp(slot_start) < toUnixTimestamp({to:DateTime('UTC')}) + 86400)
        GROUP BY bucket, key, object_id
      )
      GROUP BY bucket, key
      HAVING count() > 1
    )
  )
SETTINGS join_use_nulls = 0;
