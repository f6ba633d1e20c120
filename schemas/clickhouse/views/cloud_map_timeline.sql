-- Owners of addresses from the map of days: no run lies inside of another, none crosses midnight (UTC), and a run ends where nothing was seen for more
-- than 10 minutes. At a second, the newest run that began answers: held up to 10 minutes after its last sighting, last-known after that.
CREATE OR REPLACE VIEW {database}.cloud_map_timeline AS
SELECT toString(scope) AS scope, ip, valid_from, last_seen, interface_id, instance_id, toString(service) AS service, conflict_s
FROM {database}.cloud_map FINAL
SETTINGS join_use_nulls = 0;
