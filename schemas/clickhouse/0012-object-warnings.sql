ALTER TABLE {database}.objects ADD COLUMN IF NOT EXISTS warning String DEFAULT '' COMMENT 'what the object lacks, though it was read';
