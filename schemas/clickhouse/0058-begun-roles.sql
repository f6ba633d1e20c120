-- Which roles of the sink began to fill these tables, of which deployment: one that has no position later was forgotten, and is not new.
CREATE TABLE IF NOT EXISTS {database}.begun_roles (
  role String,
  consumer_group String COMMENT 'deployment and role',
  topic String COMMENT 'full name',
  begun_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = ReplacingMergeTree(begun_at)
ORDER BY (role, consumer_group, topic)
SETTINGS non_replicated_deduplication_window = {deduplicationWindow};
