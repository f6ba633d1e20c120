-- When a row was stored, to the hour: exact times would cost 0.2 bytes a flow once parts are merged. The time to live counts from it where the
-- log says no time, or one that cannot be; the times to live themselves are settings, see sinks/clickhouse/time-to-live.ts. In rows from
-- before this migration it is the time at which their part was next merged.
ALTER TABLE {database}.flows ADD COLUMN IF NOT EXISTS stored_at DateTime('UTC') DEFAULT toStartOfHour(now()) COMMENT 'hour of the insert; the time to live counts from it where start is not plausible' CODEC(Delta, ZSTD(1));
ALTER TABLE {database}.flow_gaps ADD COLUMN IF NOT EXISTS stored_at DateTime('UTC') DEFAULT toStartOfHour(now()) COMMENT 'hour of the insert' CODEC(Delta, ZSTD(1));
ALTER TABLE {database}.objects ADD COLUMN IF NOT EXISTS stored_at DateTime('UTC') DEFAULT toStartOfHour(now()) COMMENT 'hour of the insert of this state' CODEC(Delta, ZSTD(1));

-- Parts of one day go whole, because all their rows expire at one midnight. The parts of 1970 and 2106 hold rows of many inserts: they would
-- stay for as long as newer rows are merged into them.
ALTER TABLE {database}.flows MODIFY SETTING ttl_only_drop_parts = 0;
