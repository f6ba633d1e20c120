-- Tables of flowloom. {database} and {deduplicationWindow} are settings; the TTL of flows is set after the migrations, because it can change.
-- Text that is absent is '' (the log value `-` is no value); views give NULL back. Every table remembers the tokens of its inserts, so that
-- a repeated insert is dropped. Statements end with a semicolon at the end of a line. An applied migration is never edited.

-- One row per flow log record, in local/remote form: local is the side of the interface that recorded it (on egress the source, on ingress
-- the destination; where the direction is unknown, the source stands as local). `end` is start + dur.
--
-- absent: bits of what the log did not have, where the value alone does not say so:
--   0 protocol, 1 tcp_flags, 2 encryption, 3 packets, 4 bytes, 5 service_port, 6 local_port, 7 remote_port, 8 local_addr, 9 remote_addr,
--   10 pkt_local, 11 pkt_remote; 12 local_threat, 13 remote_threat: not checked (else '' is checked and not listed);
--   14 local_service, 15 remote_service: not in the log (a value then comes from the published AWS ranges);
--   16 pkt_local, 17 pkt_remote: the packet really had the address `::`.
CREATE TABLE IF NOT EXISTS {database}.flows (
  start DateTime('UTC') COMMENT 'first packet, see time_source' CODEC(Delta, ZSTD(1)),
  dur Int32 COMMENT 'end - start in seconds' CODEC(ZSTD(1)),
  interface UInt64 COMMENT 'hash of the whole cloud context: interfaces.interface' CODEC(ZSTD(1)),
  direction Enum8('unknown' = 0, 'ingress' = 1, 'egress' = 2) COMMENT 'which side is local: ingress, the destination; egress, the source',
  direction_source Enum8('none' = 0, 'logged' = 1, 'inferred' = 2, 'inferred_count' = 3),
  flow_direction Enum8('-' = 0, 'ingress' = 1, 'egress' = 2) COMMENT 'as logged',
  action Enum8('-' = 0, 'ACCEPT' = 1, 'REJECT' = 2),
  log_status Enum8('-' = 0, 'OK' = 1, 'NODATA' = 2, 'SKIPDATA' = 3),
  time_source Enum8('none' = 0, 'logged' = 1, 'slot' = 2),
  version UInt8 COMMENT '0: absent',
  type LowCardinality(String),
  protocol UInt8,
  tcp_flags UInt16,
  traffic_path UInt8 COMMENT '0: absent',
  encryption UInt8,
  reject_reason LowCardinality(String),
  local_addr IPv6 COMMENT 'IPv4 as ::ffff:a.b.c.d' CODEC(ZSTD(1)),
  remote_addr IPv6 CODEC(ZSTD(1)),
  local_port UInt16 CODEC(ZSTD(1)),
  remote_port UInt16 CODEC(ZSTD(1)),
  pkt_local IPv6 COMMENT 'packet address of the local side; :: is the same as local_addr' CODEC(ZSTD(1)),
  pkt_remote IPv6 COMMENT 'packet address of the remote side; :: is the same as remote_addr' CODEC(ZSTD(1)),
  packets UInt64 CODEC(T64, ZSTD(1)),
  bytes UInt64 CODEC(T64, ZSTD(1)),
  service_port UInt16 CODEC(ZSTD(1)),
  service_name LowCardinality(String),
  remote_country LowCardinality(String),
  remote_asn UInt32 COMMENT '0: none known' CODEC(ZSTD(1)),
  remote_as_org LowCardinality(String),
  remote_threat LowCardinality(String),
  remote_service LowCardinality(String) COMMENT 'AWS service as logged, else by the published ranges',
  local_country LowCardinality(String),
  local_asn UInt32 CODEC(ZSTD(1)),
  local_as_org LowCardinality(String),
  local_threat LowCardinality(String),
  local_service LowCardinality(String),
  next_hop_interface_id LowCardinality(String),
  next_hop_subnet_id LowCardinality(String),
  next_hop_az_id LowCardinality(String),
  next_hop_vpc_id LowCardinality(String),
  next_hop_interface_type LowCardinality(String),
  extra Map(String, String) COMMENT 'packets-lost-* of transit gateways and columns unknown to this version, by name in the log' CODEC(ZSTD(1)),
  object_id UInt64 COMMENT 'object version: objects.object_id' CODEC(ZSTD(1)),
  line UInt32 COMMENT 'line of the object, 1 is its first line' CODEC(ZSTD(1)),
  absent UInt32 COMMENT 'bits of absent values, see the migration' CODEC(ZSTD(1)),
  INDEX ix_remote remote_addr TYPE bloom_filter(0.001) GRANULARITY 4
) ENGINE = MergeTree
PARTITION BY toDate(start)
PRIMARY KEY (toStartOfFiveMinutes(start), interface, direction, remote_addr)
ORDER BY (toStartOfFiveMinutes(start), interface, direction, remote_addr, protocol, remote_port, local_port, start)
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = {deduplicationWindow};

-- One row per distinct cloud context (repeats are equal and merge away); a context that changes is a new row, so history is not rewritten.
CREATE TABLE IF NOT EXISTS {database}.interfaces (
  interface UInt64 COMMENT 'hash of all columns: flows.interface',
  account_id String,
  interface_id String,
  vpc_id String,
  subnet_id String,
  instance_id String,
  region String,
  az_id String,
  sublocation_type String,
  sublocation_id String,
  resource_id String,
  interface_type String,
  ecs_cluster_arn String,
  ecs_cluster_name String,
  ecs_container_instance_arn String,
  ecs_container_instance_id String,
  ecs_container_id String,
  ecs_second_container_id String,
  ecs_service_name String,
  ecs_task_definition_arn String,
  ecs_task_arn String,
  ecs_task_id String,
  instance_tag String,
  instance_tag_2 String,
  interface_tag String,
  interface_tag_2 String,
  asg_tag String,
  asg_tag_2 String,
  resource_type String,
  tgw_id String,
  tgw_attachment_id String,
  tgw_src_vpc_account_id String,
  tgw_dst_vpc_account_id String,
  tgw_src_vpc_id String,
  tgw_dst_vpc_id String,
  tgw_src_subnet_id String,
  tgw_dst_subnet_id String,
  tgw_src_eni String,
  tgw_dst_eni String,
  tgw_src_az_id String,
  tgw_dst_az_id String,
  tgw_pair_attachment_id String,
  observer String ALIAS coalesce(nullIf(interface_id, ''), nullIf(resource_id, ''), tgw_attachment_id) COMMENT 'interface, else resource, else transit gateway attachment',
  scope String ALIAS if(vpc_id != '', vpc_id, concat(account_id, '/', region)) COMMENT 'scope of its addresses in cloud_map'
) ENGINE = ReplacingMergeTree
ORDER BY interface
SETTINGS non_replicated_deduplication_window = {deduplicationWindow};

-- NODATA is evidence that there was no traffic, SKIPDATA a loss of records.
CREATE TABLE IF NOT EXISTS {database}.flow_gaps (
  start DateTime('UTC'),
  end DateTime('UTC'),
  time_source Enum8('none' = 0, 'logged' = 1, 'slot' = 2),
  kind Enum8('NODATA' = 1, 'SKIPDATA' = 2),
  account_id LowCardinality(String),
  region LowCardinality(String),
  interface_id String,
  vpc_id String,
  subnet_id String,
  instance_id String,
  az_id LowCardinality(String),
  object_id UInt64,
  line UInt32
) ENGINE = MergeTree
ORDER BY (toStartOfFiveMinutes(start), interface_id, start)
SETTINGS non_replicated_deduplication_window = {deduplicationWindow};

-- Lines that could not be read, with their bytes (at most the first 4096).
CREATE TABLE IF NOT EXISTS {database}.dead_letters (
  recorded_at DateTime64(3, 'UTC'),
  bucket LowCardinality(String),
  key String,
  etag String,
  object_id UInt64,
  line UInt32,
  stage LowCardinality(String),
  reason LowCardinality(String),
  detail String,
  header Nullable(String),
  bytes String,
  length UInt64,
  sha256 String COMMENT 'of the original where it is longer than bytes, else empty'
) ENGINE = MergeTree
ORDER BY (bucket, key, object_id, line)
SETTINGS non_replicated_deduplication_window = {deduplicationWindow};

-- The ledger: newest progress and counts of each object version. Read it with FINAL.
CREATE TABLE IF NOT EXISTS {database}.objects (
  bucket LowCardinality(String),
  key String,
  object_id UInt64,
  etag String,
  size UInt64,
  last_modified Nullable(DateTime64(3, 'UTC')),
  account_id LowCardinality(String),
  region LowCardinality(String),
  flow_log_id LowCardinality(String),
  slot_start Nullable(DateTime('UTC')),
  state LowCardinality(String),
  header Nullable(String),
  next_line UInt32,
  lines UInt32,
  header_lines UInt32,
  blank_lines UInt32,
  dead_lines UInt32,
  text_bytes UInt64,
  attempts UInt32,
  retry_at Nullable(DateTime64(3, 'UTC')),
  error_code LowCardinality(String),
  error_detail String,
  version UInt64 COMMENT 'offset in the ledger topic'
) ENGINE = ReplacingMergeTree(version)
ORDER BY (bucket, key, object_id)
SETTINGS non_replicated_deduplication_window = {deduplicationWindow};

-- Who held which address when: one ownership run per row. Read it with FINAL, join it with ASOF JOIN on scope, ip and valid_from.
CREATE TABLE IF NOT EXISTS {database}.cloud_map (
  scope LowCardinality(String) COMMENT 'VPC id, else account/region, else aws',
  ip IPv6,
  valid_from DateTime('UTC') COMMENT 'first second of the run',
  valid_to Nullable(DateTime('UTC')) COMMENT 'first second of the next run; NULL: none is known',
  first_seen DateTime('UTC'),
  last_seen DateTime('UTC'),
  conflict_s UInt64 COMMENT 'seconds in which another owner was seen with the address too',
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
