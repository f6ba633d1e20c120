-- The cloud map by UTC days (docs/decisions/0050-the-map-by-days.md). The rows of before are of another topic: their versions cannot be compared
-- with those of cloud-map-runs.v2, and they know runs over midnight and over gaps. They stay as cloud_map_v1 until somebody drops it.
RENAME TABLE IF EXISTS {database}.cloud_map TO {database}.cloud_map_v1;

-- Who held which address when: one ownership run per row, within one UTC day and without a gap of more than 600 seconds. Read it with FINAL, join
-- it with ASOF JOIN on scope, ip and valid_from: held if the time is at most 600 seconds after last_seen, else last seen before.
CREATE TABLE IF NOT EXISTS {database}.cloud_map (
  scope LowCardinality(String) COMMENT 'VPC id, else account/region, else aws',
  ip IPv6,
  valid_from DateTime('UTC') COMMENT 'first second of the run',
  valid_to Nullable(DateTime('UTC')) COMMENT 'first second of the next run of that UTC day; NULL: none',
  first_seen DateTime('UTC') COMMENT 'equal to valid_from',
  last_seen DateTime('UTC') COMMENT 'last second of the run; the owner counts as held for 600 seconds more',
  conflict_s UInt64 COMMENT 'seconds of the run in which another owner was seen with the address too',
  interface_id String,
  instance_id String,
  interface_type LowCardinality(String),
  subnet_id LowCardinality(String),
  vpc_id LowCardinality(String),
  account_id LowCardinality(String),
  region LowCardinality(String),
  az_id LowCardinality(String),
  service LowCardinality(String),
  version UInt64 COMMENT 'offset in the topic of the runs',
  deleted UInt8
) ENGINE = ReplacingMergeTree(version, deleted)
ORDER BY (scope, ip, valid_from)
SETTINGS index_granularity = 256, non_replicated_deduplication_window = {deduplicationWindow};
