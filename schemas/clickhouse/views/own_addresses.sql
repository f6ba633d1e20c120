-- Addresses that the map has seen with an interface of ours and that are not private by their range: few, so that a set of them is cheap.
CREATE OR REPLACE VIEW {database}.own_addresses AS
SELECT DISTINCT toString(scope) AS scope, ip
FROM {database}.cloud_map FINAL
WHERE scope != 'aws' AND NOT {private:ip}
SETTINGS join_use_nulls = 0;
