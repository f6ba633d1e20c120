-- Up to which second of a run another owner may have been seen later, as with owners that take turns (docs/decisions/0022-holder-of-an-address.md).
ALTER TABLE {database}.cloud_map
  ADD COLUMN IF NOT EXISTS doubt_to Nullable(DateTime('UTC')) COMMENT 'up to this second of the run another owner may have been seen later than this one; NULL: in none, or the run was written before this column was' AFTER conflict_s;
