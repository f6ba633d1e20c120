-- Answers count traffic once: where several flow logs wrote it, and where an object was overwritten. See 0005 and 0008 for what counts.

-- As in 0006, of the flows that `flows_once` takes; only what shows a NAT gateway is read from all of them. One row for each observer, port and
-- peer: where some of its records lack account, VPC, subnet or instance, because the format of their flow log does, the value that the others
-- have is taken. Two instances, one after the other at one interface, stay two rows. `exposed_ports` is this view of all days.
-- Parameters: from, to (both included), UTC.
CREATE OR REPLACE VIEW {database}.exposed_ports_between AS
WITH
  counted AS (
    SELECT * FROM {database}.flows_once(
      from = {from:DateTime('UTC')},
      to = toString(toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 1, 4294967295), 'UTC'), 'UTC')
    )
  ),
  inbound AS (
    SELECT interface, protocol, local_addr, local_port, remote_addr, remote_port,
      any(remote_country) AS country, any(remote_asn) AS asn, any(remote_as_org) AS as_org, any(remote_threat) AS threat,
      count() AS flows, sum(packets) AS packets, sum(bytes) AS bytes, min(start) AS first_seen, max(start + dur) AS last_seen
    FROM counted
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
    FROM counted
    WHERE direction = 'egress' AND action = 'ACCEPT' AND (bitTest(absent, 1) OR tcp_flags != 4)
  ),
  observers AS (
    SELECT interface, observer, account_id, vpc_id, subnet_id, instance_id FROM {database}.interfaces LIMIT 1 BY interface
  ),
  answers AS (
    SELECT DISTINCT observer, a.protocol AS protocol, a.local_addr AS local_addr, a.local_port AS local_port, a.remote_addr AS remote_addr, a.remote_port AS remote_port
    FROM outbound AS a LEFT JOIN observers AS o ON a.interface = o.interface
  ),
  by_context AS (
    SELECT observer, account_id, vpc_id, subnet_id, instance_id, protocol, local_addr, local_port, remote_addr,
      any(n.country) AS country, any(n.asn) AS asn, any(n.as_org) AS as_org, any(n.threat) AS threat,
      sum(n.flows) AS flows, sum(n.packets) AS packets, sum(n.bytes) AS bytes, min(n.first_seen) AS first_seen, max(n.last_seen) AS last_seen,
      max((observer, protocol, local_addr, local_port, remote_addr, remote_port) IN (SELECT observer, protocol, local_addr, local_port, remote_addr, remote_port FROM answers)) AS answered
    FROM inbound AS n LEFT JOIN observers AS o ON n.interface = o.interface
    GROUP BY observer, account_id, vpc_id, subnet_id, instance_id, protocol, local_addr, local_port, remote_addr
  ),
  completed AS (
    SELECT * EXCEPT (account_id, vpc_id, subnet_id, instance_id),
      if(observer != '' AND min(nullIf(c.account_id, '')) OVER exposure = max(c.account_id) OVER exposure, max(c.account_id) OVER exposure, c.account_id) AS account_id,
      if(observer != '' AND min(nullIf(c.vpc_id, '')) OVER exposure = max(c.vpc_id) OVER exposure, max(c.vpc_id) OVER exposure, c.vpc_id) AS vpc_id,
      if(observer != '' AND min(nullIf(c.subnet_id, '')) OVER exposure = max(c.subnet_id) OVER exposure, max(c.subnet_id) OVER exposure, c.subnet_id) AS subnet_id,
      if(observer != '' AND min(nullIf(c.instance_id, '')) OVER exposure = max(c.instance_id) OVER exposure, max(c.instance_id) OVER exposure, c.instance_id) AS instance_id
    FROM by_context AS c
    WINDOW exposure AS (PARTITION BY observer, protocol, local_addr, local_port, remote_addr)
  )
SELECT
  multiIf(observer IN (SELECT observer FROM {database}.nat_interfaces_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})), 'nat-phantom', max(x.answered), 'answered', 'accepted') AS evidence,
  x.observer AS observer, x.account_id AS account_id, x.vpc_id AS vpc_id, x.subnet_id AS subnet_id, x.instance_id AS instance_id,
  x.protocol AS protocol, x.local_addr AS local_addr, x.local_port AS local_port, x.remote_addr AS remote_addr,
  any(x.country) AS country, any(x.asn) AS asn, any(x.as_org) AS as_org, any(x.threat) AS threat,
  sum(x.flows) AS flows, sum(x.packets) AS packets, sum(x.bytes) AS bytes, min(x.first_seen) AS first_seen, max(x.last_seen) AS last_seen
FROM completed AS x
GROUP BY x.observer, x.account_id, x.vpc_id, x.subnet_id, x.instance_id, x.protocol, x.local_addr, x.local_port, x.remote_addr
SETTINGS join_use_nulls = 0;

-- What stays on `flows` says so.
ALTER TABLE {database}.flow_log MODIFY COMMENT 'every record that was read: of each flow log and of each version of an overwritten object; flows_once has those that count once';
ALTER TABLE {database}.flow_owners MODIFY COMMENT 'every record that was read: of each flow log and of each version of an overwritten object; reads the whole cloud map';
