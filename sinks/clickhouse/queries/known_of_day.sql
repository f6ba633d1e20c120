-- What the tables know of the UTC day of a time. Parameters: at (DateTime).
-- objects: that were read (slot in the name); lines: flows of the day, whatever the name of their object; runs: rows of cloud_map, of all days (0 or 1).
-- proofs: 1 if there is no such row, though a flow of the day with a logged direction proves who holds an address, so that there should be; else 0.
SELECT
  (SELECT toUInt32(count()) FROM objects FINAL
   WHERE slot_start >= toStartOfDay({at:DateTime('UTC')}) AND slot_start < toStartOfDay({at:DateTime('UTC')}) + INTERVAL 1 DAY AND lines > 0) AS objects,
  (SELECT toUInt32(count()) FROM (
     SELECT 1 FROM flows WHERE start >= toStartOfDay({at:DateTime('UTC')}) AND start < toStartOfDay({at:DateTime('UTC')}) + INTERVAL 1 DAY LIMIT 1
   )) AS lines,
  (SELECT toUInt32(count()) FROM (SELECT 1 FROM cloud_map LIMIT 1)) AS runs,
  (SELECT toUInt32(count()) FROM (
     SELECT 1 FROM flows
     WHERE (SELECT count() FROM (SELECT 1 FROM cloud_map LIMIT 1)) = 0
       AND start >= toStartOfDay({at:DateTime('UTC')}) AND start < toStartOfDay({at:DateTime('UTC')}) + INTERVAL 1 DAY
       AND time_source = 'logged' AND dur BETWEEN 0 AND 660 AND direction_source = 'logged' AND direction != 'unknown' AND NOT bitTest(absent, 8)
       AND interface IN (SELECT interface FROM interfaces WHERE interface_id != '')
     LIMIT 1
   )) AS proofs
