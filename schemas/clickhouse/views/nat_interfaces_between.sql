-- The observers that are NAT gateways: named or inferred. Parameters: from, to (not included), UTC.
CREATE OR REPLACE VIEW {database}.nat_interfaces_between AS
SELECT observer, evidence = 'named' AS named, foreign_rows
FROM {database}.nat_evidence_between(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')})
WHERE evidence IN ('named', 'inferred')
SETTINGS join_use_nulls = 0;
