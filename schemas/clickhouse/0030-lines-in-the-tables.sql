-- Coverage counts the lines that are in the tables, not those that the ledger says were read: the ledger has a sink of its own and can be ahead
-- of the flows, and a time to live removes rows that the ledger still names. Lines are counted as a set for each object version, kept with each
-- part, so that a repeated row never hides one that is missing. A line that has neither an address, port, protocol, count, flag, action, direction nor
-- status (the bits of these in absent are 4059) may be NODATA or SKIPDATA of a format without log-status: those are counted apart.
ALTER TABLE {database}.flows ADD PROJECTION IF NOT EXISTS by_object (
  SELECT object_id, count(), groupBitmap(line), groupBitmapIf(line, bitAnd(absent, 4059) = 4059 AND action = '-' AND log_status = '-' AND flow_direction = '-') GROUP BY object_id
);
ALTER TABLE {database}.flows MATERIALIZE PROJECTION by_object;
ALTER TABLE {database}.flow_gaps ADD PROJECTION IF NOT EXISTS lines_by_object (SELECT object_id, kind, count(), groupBitmap(line) GROUP BY object_id, kind);
ALTER TABLE {database}.flow_gaps MATERIALIZE PROJECTION lines_by_object;
ALTER TABLE {database}.dead_letters ADD PROJECTION IF NOT EXISTS lines_by_object (SELECT object_id, groupBitmap(line) GROUP BY object_id);
ALTER TABLE {database}.dead_letters MATERIALIZE PROJECTION lines_by_object;
-- DELETE FROM is refused by default for tables with projections.
ALTER TABLE {database}.flows MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE {database}.flow_gaps MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE {database}.dead_letters MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild';
-- what 0004 counted with
ALTER TABLE {database}.flow_gaps DROP PROJECTION IF EXISTS by_object;
ALTER TABLE {database}.dead_letters DROP PROJECTION IF EXISTS by_object;
