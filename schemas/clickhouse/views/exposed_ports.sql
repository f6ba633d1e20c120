-- exposed_ports_between of all days there are.
CREATE OR REPLACE VIEW {database}.exposed_ports AS
SELECT * FROM {database}.exposed_ports_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');
