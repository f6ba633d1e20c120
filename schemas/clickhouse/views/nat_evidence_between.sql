-- Signs of NAT gateways among observers, from the packets of a time and of the day before and after it. Their security groups accept what the
-- gateway then drops, so an accepted flow proves nothing there. This view is the only place of the rule. evidence:
--   named: the log says so (interface-type, resource-id);
--   inferred: a format with instance-id has no instance there, and the TCP flags show connections from clients that go through it to a public
--     address, and connections that it opens itself to a public address. A load balancer that keeps client addresses does neither.
--     A direction that is a guess shows neither;
--   maybe: public addresses in packets of its own side, and nothing that decides.
-- Sets and joins: there may be tens of thousands of observers, and an array of them would be searched for each row.
-- An instance, another interface-type, and an answer (SYN+ACK) of its own to a public address each rule it out.
-- Parameters: from, to (not included), UTC.
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
      SELECT interface, count() AS foreign_rows, max(direction = 'ingress' AND opens AND sure AND object_id IN (
        SELECT object_id FROM {database}.objects
        WHERE match(coalesce(header, ''), '(^|[\\s,{"])instance[-_]id([\\s,}"]|$)')
          AND (slot_start IS NULL OR (toUnixTimestamp(slot_start) + 86400 >= toUnixTimestamp(since) AND toUnixTimestamp(slot_start) < toUnixTimestamp(until) + 86400))
      )) AS client_in
      FROM (
        SELECT interface, direction, pkt_local, object_id, protocol = 6 AND NOT bitTest(absent, 1) AND bitAnd(tcp_flags, 18) = 2 AS opens,
          direction_source IN ('logged', 'own_network', 'inferred') AS sure
        FROM {database}.flows
        WHERE pkt_local != toIPv6('::') AND direction != 'unknown' AND start >= since AND start < until
      )
      WHERE interface IN (SELECT arrayJoin(contexts)) AND NOT {private:pkt_local}
      GROUP BY interface
    )
  ) AS passing,
  -- of those alone: their own connections with public addresses
  (
    SELECT groupArray((interface, opens, answers))
    FROM (
      SELECT interface, max(opener = 2 AND sure) AS opens, max(opener = 18) AS answers
      FROM (
        SELECT interface, remote_addr, bitAnd(tcp_flags, 18) AS opener, direction_source IN ('logged', 'own_network', 'inferred') AS sure
        FROM {database}.flows
        WHERE interface IN (SELECT arrayJoin(arrayMap(each -> each.1, passing))) AND notEmpty(passing)
          AND direction = 'egress' AND protocol = 6 AND bitAnd(tcp_flags, 2) != 0 AND bitAnd(absent, 1026) = 0 AND pkt_local = toIPv6('::')
          AND start >= since AND start < until
      )
      WHERE NOT {private:remote_addr}
      GROUP BY interface
    )
  ) AS own_side
SELECT observer,
  multiIf(named, 'named', client_in AND opens AND NOT answers, 'inferred', foreign_rows > 0 AND NOT answers, 'maybe', '') AS evidence,
  foreign_rows
FROM (
  SELECT c.observer AS observer, max(c.named) AS named, max(p.client_in) AS client_in, max(o.opens) AS opens, max(o.answers) AS answers,
    sum(p.foreign_rows) AS foreign_rows
  FROM (SELECT candidate.1 AS observer, candidate.2 AS named, arrayJoin(candidate.3) AS interface FROM (SELECT arrayJoin(candidates) AS candidate)) AS c
  LEFT ANY JOIN (SELECT each.1 AS interface, each.2 AS foreign_rows, each.3 AS client_in FROM (SELECT arrayJoin(passing) AS each)) AS p
    ON c.interface = p.interface
  LEFT ANY JOIN (SELECT each.1 AS interface, each.2 AS opens, each.3 AS answers FROM (SELECT arrayJoin(own_side) AS each)) AS o
    ON c.interface = o.interface
  GROUP BY c.observer
)
WHERE evidence != '' AND {in_order:nat_evidence_between}
SETTINGS join_use_nulls = 0;
