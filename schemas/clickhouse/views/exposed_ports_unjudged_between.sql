-- Records of which exposed_ports_between cannot say what they let in, counted by observer: its companion. They came in from outside, or from a peer that
-- is not known, or their direction is unknown, and they were not rejected. A format without these columns shows nothing there, however open a port is.
-- lacks: the first that the records of the row lack, of
--   protocol; address (one of srcaddr and dstaddr, unless the format has both packet addresses); port (of TCP, UDP, DCCP and SCTP);
--   direction: it is unknown, and neither flags nor ports say which end is the service, or `action` is missing, too.
-- No row: each record was judged, be it by its ports: what was answered in the same second between a port of ours of 32768 or more and a lower one of
-- the peer, and no flags say who opened it, is judged to be a client of ours. What nobody knows is NULL, as in exposed_ports_between.
-- Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.exposed_ports_unjudged_between AS
SELECT nullIf(u.observer, '') AS observer, nullIf(u.account_id, '') AS account_id, nullIf(u.vpc_id, '') AS vpc_id, u.lacks AS lacks,
  count() AS flows, sum(u.packets) AS packets, sum(u.bytes) AS bytes,
  min(if(u.time_source = 'none', NULL, u.start)) AS first_seen,
  toDateTime(max(if(u.time_source = 'none', NULL, toUnixTimestamp(u.start) + greatest(u.dur, 0))), 'UTC') AS last_seen
FROM (
  SELECT observer, account_id, vpc_id, packets, bytes, time_source, start, dur,
    protocol NOT IN (6, 17, 33, 132) AS portless,
    protocol = 6 AND NOT bitTest(absent, 1) AS flagged,
    -- as exposed_ports_between reads records; a test holds that each is in one of the two
    multiIf(
      bitTest(absent, 0), 'protocol',
      bitAnd(absent, 3072) != 0 AND bitAnd(absent, 768) != 0, 'address',
      NOT portless AND bitAnd(absent, 192) != 0, 'port',
      direction = 'unknown' AND NOT (action = 'ACCEPT' AND (
        portless OR (flagged AND bitAnd(tcp_flags, 2) != 0)
        OR (NOT bitTest(absent, 5) AND (service_port < 1024 OR NOT flagged) AND service_port IN (local_port, remote_port))
      )), 'direction',
      ''
    ) AS lacks
  FROM {database}.outside_peers_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
  WHERE direction != 'egress' AND action != 'REJECT'
) AS u
WHERE u.lacks != ''
GROUP BY u.observer, u.account_id, u.vpc_id, u.lacks
SETTINGS join_use_nulls = 0;
