-- nat_interfaces_between of all days there are.
CREATE OR REPLACE VIEW {database}.nat_interfaces AS
SELECT * FROM {database}.nat_interfaces_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');
