-- Views for analysts: AWS's own names with NULL for what the log did not have, and answers that need more than one table.

-- The flow log as AWS names it (29 fields of versions 2 to 5), then the later fields, then what flowloom adds. Absent values are NULL.
-- `start` and `end` are never NULL, so that a condition on `start` reads only the days it needs: time_source tells where they come from.
-- The interface a row joins is its whole cloud context; repeats of one in `interfaces` are equal, so any of them will do.
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

-- Observers that are NAT gateways: named so by the log, or without an instance while the packets were for another address than theirs.
-- Their security groups accept what the gateway then drops, so an accepted flow proves nothing there.
CREATE OR REPLACE VIEW {database}.nat_interfaces AS
SELECT i.observer AS observer, max(i.interface_type LIKE '%nat_gateway%' OR startsWith(i.resource_id, 'nat-')) AS named, sum(f.foreign_rows) AS foreign_rows
FROM (SELECT interface, observer, interface_type, resource_id, instance_id FROM {database}.interfaces LIMIT 1 BY interface) AS i
LEFT JOIN (
  SELECT interface, count() AS foreign_rows
  FROM {database}.flows
  WHERE pkt_local != toIPv6('::') AND direction != 'unknown'
  GROUP BY interface
) AS f ON f.interface = i.interface
WHERE i.observer != ''
GROUP BY observer
HAVING named OR (foreign_rows > 0 AND max(i.instance_id) = '')
SETTINGS join_use_nulls = 0;

-- Services that accepted traffic from outside, by observer, local port and peer, with the evidence: nat-phantom (a NAT gateway: not open),
-- accepted (let in, no answer seen), answered (traffic back to the same peer and port that is more than a reset).
CREATE OR REPLACE VIEW {database}.exposed_ports AS
WITH
  inbound AS (
    SELECT interface, protocol, local_addr, local_port, remote_addr, remote_port,
      any(remote_country) AS country, any(remote_asn) AS asn, any(remote_as_org) AS as_org, any(remote_threat) AS threat,
      count() AS flows, sum(packets) AS packets, sum(bytes) AS bytes, min(start) AS first_seen, max(start + dur) AS last_seen
    FROM {database}.flows
    WHERE direction = 'ingress' AND action = 'ACCEPT' AND NOT bitTest(absent, 0) AND NOT bitTest(absent, 9)
      AND (protocol IN (1, 58) OR (service_port = local_port AND NOT bitTest(absent, 5) AND NOT bitTest(absent, 6)))
      AND bitAnd(tcp_flags, 18) != 18
      AND NOT (remote_addr BETWEEN toIPv6('::ffff:10.0.0.0') AND toIPv6('::ffff:10.255.255.255'))
      AND NOT (remote_addr BETWEEN toIPv6('::ffff:172.16.0.0') AND toIPv6('::ffff:172.31.255.255'))
      AND NOT (remote_addr BETWEEN toIPv6('::ffff:192.168.0.0') AND toIPv6('::ffff:192.168.255.255'))
      AND NOT (remote_addr BETWEEN toIPv6('::ffff:100.64.0.0') AND toIPv6('::ffff:100.127.255.255'))
      AND NOT (remote_addr BETWEEN toIPv6('::ffff:169.254.0.0') AND toIPv6('::ffff:169.254.255.255'))
      AND NOT (remote_addr BETWEEN toIPv6('::ffff:127.0.0.0') AND toIPv6('::ffff:127.255.255.255'))
      AND NOT (remote_addr BETWEEN toIPv6('fc00::') AND toIPv6('fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'))
      AND NOT (remote_addr BETWEEN toIPv6('fe80::') AND toIPv6('febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff'))
    GROUP BY interface, protocol, local_addr, local_port, remote_addr, remote_port
  ),
  outbound AS (
    SELECT DISTINCT local_addr, local_port, remote_addr, remote_port, protocol, interface
    FROM {database}.flows
    WHERE direction = 'egress' AND action = 'ACCEPT' AND (bitTest(absent, 1) OR tcp_flags != 4)
  ),
  observers AS (
    SELECT interface, observer, account_id, vpc_id, subnet_id, instance_id FROM {database}.interfaces LIMIT 1 BY interface
  ),
  answers AS (
    SELECT DISTINCT observer, a.protocol AS protocol, a.local_addr AS local_addr, a.local_port AS local_port, a.remote_addr AS remote_addr, a.remote_port AS remote_port
    FROM outbound AS a LEFT JOIN observers AS o ON a.interface = o.interface
  )
SELECT
  multiIf(x.observer IN (SELECT observer FROM {database}.nat_interfaces), 'nat-phantom', x.answered, 'answered', 'accepted') AS evidence,
  x.observer AS observer, x.account_id AS account_id, x.vpc_id AS vpc_id, x.subnet_id AS subnet_id, x.instance_id AS instance_id,
  x.protocol AS protocol, x.local_addr AS local_addr, x.local_port AS local_port, x.remote_addr AS remote_addr,
  x.country AS country, x.asn AS asn, x.as_org AS as_org, x.threat AS threat,
  x.flows AS flows, x.packets AS packets, x.bytes AS bytes, x.first_seen AS first_seen, x.last_seen AS last_seen
FROM (
  SELECT observer, account_id, vpc_id, subnet_id, instance_id, protocol, local_addr, local_port, remote_addr,
    any(n.country) AS country, any(n.asn) AS asn, any(n.as_org) AS as_org, any(n.threat) AS threat,
    sum(n.flows) AS flows, sum(n.packets) AS packets, sum(n.bytes) AS bytes, min(n.first_seen) AS first_seen, max(n.last_seen) AS last_seen,
    max((observer, protocol, local_addr, local_port, remote_addr, remote_port) IN (SELECT observer, protocol, local_addr, local_port, remote_addr, remote_port FROM answers)) AS answered
  FROM inbound AS n LEFT JOIN observers AS o ON n.interface = o.interface
  GROUP BY observer, account_id, vpc_id, subnet_id, instance_id, protocol, local_addr, local_port, remote_addr
) AS x
SETTINGS join_use_nulls = 0;

-- Each flow with the owner of its two addresses at the flow's own start. State: held (seen until then, or at most 10 minutes before),
-- last-known (nothing newer is known), NULL (no owner is known). A remote address is looked up in the flow's own scope, then among the
-- AWS services.
CREATE OR REPLACE VIEW {database}.flow_owners AS
WITH
  runs AS (
    SELECT toString(scope) AS scope, ip, valid_from, last_seen, interface_id, instance_id, toString(service) AS service FROM {database}.cloud_map FINAL
  ),
  services AS (
    SELECT ip, valid_from, last_seen, service FROM runs WHERE scope = 'aws'
  ),
  scoped AS (
    SELECT f.*, i.scope AS scope, i.observer AS observer
    FROM {database}.flows AS f
    LEFT ANY JOIN (SELECT interface, scope, observer FROM {database}.interfaces) AS i ON f.interface = i.interface
  )
SELECT
  s.start AS start, s.dur AS dur, s.scope AS scope, s.observer AS observer, toString(s.direction) AS direction, toString(s.action) AS action, s.protocol AS protocol,
  s.local_addr AS local_addr, s.local_port AS local_port, s.remote_addr AS remote_addr, s.remote_port AS remote_port, s.packets AS packets, s.bytes AS bytes,
  nullIf(l.interface_id, '') AS local_interface_id,
  nullIf(l.instance_id, '') AS local_instance_id,
  multiIf(l.ip = toIPv6('::'), NULL, s.start <= l.last_seen + 600, 'held', 'last-known') AS local_state,
  nullIf(r.interface_id, '') AS remote_interface_id,
  nullIf(r.instance_id, '') AS remote_instance_id,
  nullIf(a.service, '') AS remote_service,
  multiIf(r.ip != toIPv6('::'), if(s.start <= r.last_seen + 600, 'held', 'last-known'), a.ip != toIPv6('::'), if(s.start <= a.last_seen + 600, 'held', 'last-known'), NULL) AS remote_state,
  s.interface AS interface, s.object_id AS object_id, s.line AS line
FROM scoped AS s
ASOF LEFT JOIN runs AS l ON s.scope = l.scope AND s.local_addr = l.ip AND s.start >= l.valid_from
ASOF LEFT JOIN runs AS r ON s.scope = r.scope AND s.remote_addr = r.ip AND s.start >= r.valid_from
ASOF LEFT JOIN services AS a ON s.remote_addr = a.ip AND s.start >= a.valid_from
SETTINGS join_use_nulls = 0;
