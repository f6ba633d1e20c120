-- Whether any record of an interface (its id; else that of a resource or a transit gateway attachment) was ever read. Parameters: interface.
SELECT toUInt8((SELECT count() FROM (SELECT 1 FROM interfaces WHERE observer = {interface:String} LIMIT 1))
  + (SELECT count() FROM (SELECT 1 FROM flow_gaps WHERE interface_id = {interface:String} LIMIT 1)) > 0) AS seen
