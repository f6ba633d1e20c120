-- object_coverage_between of all times.
CREATE OR REPLACE VIEW {database}.object_coverage AS
SELECT * FROM {database}.object_coverage_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');
