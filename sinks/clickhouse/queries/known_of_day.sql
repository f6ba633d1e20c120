-- What the tables know of the UTC day of a time. Parameters: at (DateTime).
-- objects: that were read (slot in the name); lines: flows of the day, whatever the name of their object; runs: rows of cloud_map, of all days.
SELECT
  (SELECT toUInt32(count()) FROM objects FINAL
   WHERE slot_start >= toStartOfDay({at:DateTime('UTC')}) AND slot_start < toStartOfDay({at:DateTime('UTC')}) + INTERVAL 1 DAY AND lines > 0) AS objects,
  (SELECT toUInt32(count()) FROM (
     SELECT 1 FROM flows WHERE start >= toStartOfDay({at:DateTime('UTC')}) AND start < toStartOfDay({at:DateTime('UTC')}) + INTERVAL 1 DAY LIMIT 1
   )) AS lines,
  (SELECT toUInt32(count()) FROM (SELECT 1 FROM cloud_map LIMIT 1)) AS runs
