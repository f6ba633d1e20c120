-- Networks that are ours by the setting `networks.own`; written by the sink at its start. The newest set counts; it has a row without a network
-- (cidr '') even if the setting is empty.
CREATE TABLE IF NOT EXISTS {database}.own_networks (
  set_at DateTime64(3, 'UTC') COMMENT 'equal for all rows of a set',
  cidr String,
  first IPv6 COMMENT 'first address, IPv4 as ::ffff:a.b.c.d',
  last IPv6,
  account_id String COMMENT 'account that it holds for; empty: all',
  vpc_id String COMMENT 'VPC that it holds for; empty: all'
) ENGINE = MergeTree
ORDER BY (set_at, cidr, account_id, vpc_id)
SETTINGS non_replicated_deduplication_window = {deduplicationWindow};
