-- What records say more: where the service port comes from, directions by own networks, times of which one is logged, the scope that a source names,
-- the other values of NODATA and SKIPDATA records, and what the records of an object lack (a format without addresses or times, or no line at all).
--
-- stored_at: when a row was stored, to the hour: exact times would cost 0.2 bytes a flow once parts are merged. The time to live counts from it if the
-- log says no time, or one that cannot be; the times to live themselves are settings, see sinks/clickhouse/time-to-live.ts. In rows from before
-- this migration it is the time at which their part was next merged.

ALTER TABLE {database}.flows
  MODIFY COLUMN direction_source Enum8('none' = 0, 'logged' = 1, 'inferred' = 2, 'inferred_count' = 3, 'own_network' = 4),
  MODIFY COLUMN time_source Enum8('none' = 0, 'logged' = 1, 'slot' = 2, 'start' = 3, 'end' = 4),
  ADD COLUMN IF NOT EXISTS service_port_source Enum8('none' = 0, 'tcp_flags' = 1, 'inferred' = 2) DEFAULT if(bitTest(absent, 5), 'none', 'inferred') COMMENT 'tcp_flags: SYN without ACK or SYN with ACK; inferred: by the two port numbers' AFTER service_port,
  ADD COLUMN IF NOT EXISTS stored_at DateTime('UTC') DEFAULT toStartOfHour(now()) COMMENT 'hour of the insert; the time to live counts from it where start is not plausible' CODEC(Delta, ZSTD(1));

ALTER TABLE {database}.flow_gaps
  MODIFY COLUMN time_source Enum8('none' = 0, 'logged' = 1, 'slot' = 2, 'start' = 3, 'end' = 4),
  ADD COLUMN IF NOT EXISTS extra Map(String, String) COMMENT 'values of the line that have no column here, by name in the log',
  ADD COLUMN IF NOT EXISTS stored_at DateTime('UTC') DEFAULT toStartOfHour(now()) COMMENT 'hour of the insert' CODEC(Delta, ZSTD(1));

ALTER TABLE {database}.objects
  ADD COLUMN IF NOT EXISTS warning String DEFAULT '' COMMENT 'what the records of the object lack; empty: nothing that is known' CODEC(ZSTD(1)) AFTER error_detail,
  ADD COLUMN IF NOT EXISTS stored_at DateTime('UTC') DEFAULT toStartOfHour(now()) COMMENT 'hour of the insert of this state' CODEC(Delta, ZSTD(1));

-- An account or region that is not known is no scope: it would join the addresses of several.
ALTER TABLE {database}.interfaces
  ADD COLUMN IF NOT EXISTS source_scope String COMMENT 'scope that the source of the object names, for records without a VPC' AFTER tgw_pair_attachment_id;
ALTER TABLE {database}.interfaces
  MODIFY COLUMN scope String ALIAS multiIf(vpc_id != '', vpc_id, source_scope != '', source_scope, account_id IN ('', 'unknown') OR region = '', '', concat(account_id, '/', region)) COMMENT 'scope of its addresses in cloud_map; empty: none';

-- Parts of one day go whole, because all their rows expire at one midnight. The parts of 1970 and 2106 hold rows of many inserts: they would
-- stay for as long as newer rows are merged into them.
ALTER TABLE {database}.flows MODIFY SETTING ttl_only_drop_parts = 0;
