-- Every line of every object version (overwritten ones too, so nothing counts once here), accounted for: lines = headers + blank + flows + gaps + open dead letters. `missing` is 0, or lines that are
-- still under way; `repeated` is 0. An object without a ledger entry has an empty key.
SELECT
  max(bucket) AS bucket, max(key) AS key, leftPad(lower(hex(object_id)), 16, '0') AS object, max(state) AS state,
  sum(lines) AS lines, sum(header_lines) AS header_lines, sum(blank_lines) AS blank_lines,
  sum(flows) AS flows, sum(nodata) AS nodata, sum(skipdata) AS skipdata, sum(dead) AS dead_letters,
  toInt64(lines) - header_lines - blank_lines - flows - nodata - skipdata - dead_letters AS missing,
  sum(repeated) AS repeated, sum(bytes) AS bytes, sum(packets) AS packets
FROM (
  SELECT object_id, toString(bucket) AS bucket, key, toString(state) AS state, lines, header_lines, blank_lines,
    0 AS flows, 0 AS nodata, 0 AS skipdata, 0 AS dead, 0 AS repeated, 0 AS bytes, 0 AS packets
  FROM objects FINAL
  UNION ALL
  SELECT object_id, '', '', '', 0, 0, 0, count(), 0, 0, 0, count() - uniqExact(line), sum(bytes), sum(packets) FROM flows GROUP BY object_id
  UNION ALL
  SELECT object_id, '', '', '', 0, 0, 0, 0, countIf(kind = 'NODATA'), countIf(kind = 'SKIPDATA'), 0, count() - uniqExact(line), 0, 0 FROM flow_gaps GROUP BY object_id
  UNION ALL
  SELECT object_id, '', '', '', 0, 0, 0, 0, 0, 0, count(), count() - uniqExact(line), 0, 0 FROM dead_letter_states WHERE state = 'open' GROUP BY object_id
)
GROUP BY object_id
ORDER BY bucket, key, object
