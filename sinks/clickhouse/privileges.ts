/**
 * What a user of ClickHouse must be allowed to do, on the database of the settings: asked by `check-config --probe`, and granted in
 * docs/operations.md. A test holds both to the statements that are sent.
 */

/** The part: it makes the tables, changes them in upgrades and by the settings, fills and reads them. */
export const sinkPrivileges = [
  'CREATE DATABASE',
  'CREATE TABLE',
  // RENAME TABLE asks for it
  'DROP TABLE',
  'CREATE VIEW',
  'DROP VIEW',
  'ALTER ADD COLUMN',
  'ALTER MODIFY COLUMN',
  'ALTER MATERIALIZE COLUMN',
  'ALTER ADD INDEX',
  'ALTER MATERIALIZE INDEX',
  'ALTER ADD PROJECTION',
  'ALTER MATERIALIZE PROJECTION',
  'ALTER DROP PROJECTION',
  'ALTER MODIFY COMMENT',
  'ALTER SETTINGS',
  'ALTER TTL',
  'INSERT',
  'SELECT',
] as const

/** Beside these, `clickhouse.cluster`: the first on all databases, the second on that of the settings. */
export const clusterPrivileges = ['CLUSTER', 'SYSTEM SYNC REPLICA'] as const
