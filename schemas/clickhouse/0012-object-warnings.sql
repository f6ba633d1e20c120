-- What the records of an object lack although it was read: a format without addresses or times, or no line at all.
ALTER TABLE {database}.objects ADD COLUMN IF NOT EXISTS warning String DEFAULT '' COMMENT 'what the records of the object lack; empty: nothing that is known' CODEC(ZSTD(1)) AFTER error_detail;
