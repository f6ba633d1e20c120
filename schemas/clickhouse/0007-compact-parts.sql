-- A fresh part of `flows` is one file for all columns instead of two for each: an insert makes a handful of files instead of a hundred and
-- more. Merged parts beyond this many bytes (uncompressed; about 800,000 flows) have a file for each column, as they had before.
ALTER TABLE {database}.flows MODIFY SETTING min_bytes_for_wide_part = 134217728;
