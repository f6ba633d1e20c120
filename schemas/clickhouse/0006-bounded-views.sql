-- Views of 0002 with a bound on what they read, and the owner of an address where runs lie inside of one another.

-- nat_interfaces, from the packets of a time and of the day before and after it. Parameters: from, to (both included), UTC.
CREATE OR REPLACE VIEW {database}.nat_interfaces_between AS
SELECT i.observer AS observer, max(i.interface_type LIKE '%nat_gateway%' OR startsWith(i.resource_id, 'nat-')) AS named, sum(f.foreign_rows) AS foreign_rows
FROM (SELECT interface, observer, interface_type, resource_id, instance_id FROM {database}.interfaces LIMIT 1 BY interface) AS i
LEFT JOIN (
  SELECT interface, count() AS foreign_rows
  FROM {database}.flows
  WHERE pkt_local != toIPv6('::') AND direction != 'unknown'
    AND start >= toDateTime(greatest(toUnixTimestamp({from:DateTime('UTC')}) - 86400, 0), 'UTC')
    AND start <= toDateTime(least(toUnixTimestamp({to:DateTime('UTC')}) + 86400, 4294967295), 'UTC')
  GROUP BY interface
) AS f ON f.interface = i.interface
WHERE i.observer != ''
GROUP BY observer
HAVING named OR (foreign_rows > 0 AND max(i.instance_id) = '')
SETTINGS join_use_nulls = 0;

CREATE OR REPLACE VIEW {database}.nat_interfaces AS
SELECT * FROM {database}.nat_interfaces_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');

-- exposed_ports of a time: it reads the days of that time alone, and calls answered what was answered within it.
-- Parameters: from, to (both included), UTC.
CREATE OR REPLACE VIEW {database}.exposed_ports_between AS
WITH
  inbound AS (
    SELECT interface, protocol, local_addr, local_port, remote_addr, remote_port,
      any(remote_country) AS country, any(remote_asn) AS asn, any(remote_as_org) AS as_org, any(remote_threat) AS threat,
      count() AS flows, sum(packets) AS packets, sum(bytes) AS bytes, min(start) AS first_seen, max(start + dur) AS last_seen
    FROM {database}.flows
    WHERE start >= {from:DateTime('UTC')} AND start <= {to:DateTime('UTC')}
      AND direction = 'ingress' AND action = 'ACCEPT' AND NOT bitTest(absent, 0) AND NOT bitTest(absent, 9)
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
    WHERE start >= {from:DateTime('UTC')} AND start <= {to:DateTime('UTC')}
      AND direction = 'egress' AND action = 'ACCEPT' AND (bitTest(absent, 1) OR tcp_flags != 4)
  ),
  observers AS (
    SELECT interface, observer, account_id, vpc_id, subnet_id, instance_id FROM {database}.interfaces LIMIT 1 BY interface
  ),
  answers AS (
    SELECT DISTINCT observer, a.protocol AS protocol, a.local_addr AS local_addr, a.local_port AS local_port, a.remote_addr AS remote_addr, a.remote_port AS remote_port
    FROM outbound AS a LEFT JOIN observers AS o ON a.interface = o.interface
  )
SELECT
  multiIf(x.observer IN (SELECT observer FROM {database}.nat_interfaces_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})), 'nat-phantom', x.answered, 'answered', 'accepted') AS evidence,
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

-- The same of all days there are.
CREATE OR REPLACE VIEW {database}.exposed_ports AS
SELECT * FROM {database}.exposed_ports_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');

-- Who held an address from valid_from on, until the next row: for ASOF JOIN. Late data can put a short run into a longer one; where it ends,
-- the longer one goes on, with a row of its own. That is the answer of `flowloom lookup` at every second.
CREATE OR REPLACE VIEW {database}.cloud_map_timeline AS
WITH
  runs AS (
    SELECT toString(scope) AS scope, ip, valid_from, coalesce(valid_to, toDateTime(4294967295, 'UTC')) AS ends, last_seen, interface_id, instance_id, toString(service) AS service
    FROM {database}.cloud_map FINAL
  ),
  -- runs in a row end where the next one begins; one that ends where none begins lay inside of another, or nobody held the address then
  inner_ends AS (
    SELECT scope, ip, arrayJoin(arrayDistinct(arrayFilter(second -> NOT has(begins, second), ends))) AS resumed
    FROM (SELECT scope, ip, groupArray(valid_from) AS begins, groupArrayIf(ends, ends < toDateTime(4294967295, 'UTC')) AS ends FROM runs GROUP BY scope, ip)
  )
SELECT scope, ip, valid_from, last_seen, interface_id, instance_id, service FROM runs
UNION ALL
SELECT scope, ip, resumed AS valid_from, last_seen, interface_id, instance_id, service
FROM (
  SELECT r.scope AS scope, r.ip AS ip, i.resumed AS resumed, r.last_seen AS last_seen, r.interface_id AS interface_id, r.instance_id AS instance_id, r.service AS service,
    r.valid_from AS began
  FROM runs AS r INNER JOIN inner_ends AS i ON r.scope = i.scope AND r.ip = i.ip
  WHERE r.valid_from < i.resumed AND r.ends > i.resumed
  ORDER BY began DESC
  LIMIT 1 BY scope, ip, resumed
)
SETTINGS join_use_nulls = 0;

-- Each flow with the owner of its two addresses at the flow's own start. State: held (seen until then, or at most 10 minutes before),
-- last-known (nothing newer is known), NULL (no owner is known). A remote address is looked up in the flow's own scope, then among the
-- AWS services.
CREATE OR REPLACE VIEW {database}.flow_owners AS
WITH
  runs AS (
    SELECT scope, ip, valid_from, last_seen, interface_id, instance_id FROM {database}.cloud_map_timeline
  ),
  services AS (
    SELECT ip, valid_from, last_seen, service FROM {database}.cloud_map_timeline WHERE scope = 'aws'
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
