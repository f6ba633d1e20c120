-- One row per object version. A condition on slot_start (or slot) reaches the index of objects. It takes no parameters, because the server looks through a view that
-- does twice for each view that it stands in.
--   current: the newest version of its key. counts: what answers count; of the versions of a key the newest that is done, where none is the newest.
--   copy: the same delivery lies under another key too (replication, an archive, a migration), and that one stands for it and counts: same account,
--     region, flow log, slot, file name and size, and the same lines and bytes of text where both are read. Of copies counts a done one before
--     others, then the one with more lines read, then the one that was uploaded first, then by bucket and key. The copies of a current version
--     that is not counted are compared as if it were.
--   empty: done, without a header line or any other line but blank ones: not what AWS writes, and no evidence of anything.
--   columns: words of the header line. origin: the flow log, or the bucket and first folder of an object whose name has none.
CREATE OR REPLACE VIEW {database}.object_versions AS
WITH
  versions AS (
    SELECT bucket, key, account_id, region, flow_log_id, origin, slot_start, toStartOfFiveMinutes(slot_start) AS slot, object_id, max(version) AS written,
      argMax((state, size, last_modified, text_bytes, lines, header_lines, blank_lines, dead_lines, error_code, error_detail, retry_at, warning), version) AS record,
      max(length(splitByWhitespace(coalesce(header, '')))) AS columns
    FROM {database}.objects
    GROUP BY bucket, key, account_id, region, flow_log_id, origin, slot_start, slot, object_id
  ),
  plain AS (
    SELECT bucket, key, account_id, region, flow_log_id, origin, slot_start, slot, object_id, written, columns,
      record.1 AS state, record.1 = 'done' AS is_done, record.2 AS size, record.3 AS last_modified, record.4 AS text_bytes, record.5 AS lines,
      record.6 AS header_lines, record.7 AS blank_lines, record.8 AS dead_lines, record.9 AS error_code, record.10 AS error_detail,
      record.11 AS retry_at, record.12 AS warning,
      if(slot_start IS NULL OR flow_log_id = '', concat(bucket, '/', key), splitByChar('/', key)[-1]) AS name
    FROM versions
  ),
  ranked AS (
    SELECT *, written = max(written) OVER versions AS current, row_number() OVER (versions ORDER BY is_done DESC, written DESC) = 1 AS counted
    FROM plain
    WINDOW versions AS (PARTITION BY account_id, region, flow_log_id, slot_start, slot, bucket, key)
  ),
  compared AS (
    SELECT *,
      -- the same file under other keys: those that answers may count
      row_number() OVER (same ORDER BY lines DESC, coalesce(last_modified, toDateTime64('2299-12-31 00:00:00', 3, 'UTC')), bucket, key) AS place,
      max(is_done) OVER (PARTITION BY account_id, region, flow_log_id, slot_start, slot, name, counted, size) AS is_read
    FROM ranked
    WINDOW same AS (PARTITION BY account_id, region, flow_log_id, slot_start, slot, name, counted, size, is_done, if(is_done, lines, 0), if(is_done, text_bytes, 0))
  ),
  judged AS (
    SELECT *, max(counted AND (place > 1 OR (is_read AND NOT is_done))) OVER (PARTITION BY account_id, region, flow_log_id, slot_start, slot, bucket, key) AS copy
    FROM compared
  )
SELECT bucket, key, object_id, account_id, region, flow_log_id, origin, slot_start, slot, current, counted AND NOT copy AS counts, copy,
  toUInt8(is_done AND header_lines = 0 AND lines = blank_lines) AS empty,
  columns, toString(state) AS state, size, last_modified, text_bytes, lines, header_lines, blank_lines, dead_lines, toString(error_code) AS error_code,
  error_detail, retry_at, warning
FROM judged
SETTINGS join_use_nulls = 0;
