-- coverage_between of all times: give a condition on slot, or take coverage_between.
CREATE OR REPLACE VIEW {database}.coverage AS
SELECT * FROM {database}.coverage_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');
