-- Who else was there in a run. Two owners with equal stays leave one run, so nothing else says who the other one is (docs/decisions/0022-holder-of-an-address.md).
ALTER TABLE {database}.cloud_map
  ADD COLUMN IF NOT EXISTS others Array(String) COMMENT 'owners that were there in any second of the run too: interface and instance, else service; at most 20; empty: none, or the run was written before this column was' AFTER doubt_to,
  MODIFY COLUMN doubt_to Nullable(DateTime('UTC')) COMMENT 'up to this second another owner was there too, or may have been seen later than this one; 600 s after the run if both were last seen at its end; NULL: in none, or the run was written before this column was';
