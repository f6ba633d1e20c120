-- The setting `networks.own` as the sink wrote it last, in one row: ranges of (first, last, account_id, vpc_id). Addresses are whole numbers, because
-- comparing IPv6 values takes four times as long. Account and VPC are those that the range holds for; empty: any.
CREATE OR REPLACE VIEW {database}.own_ranges AS
SELECT groupArray((toUInt128(first), toUInt128(last), account_id, vpc_id)) AS ranges
FROM {database}.own_networks
WHERE cidr != '' AND set_at = (SELECT max(set_at) FROM {database}.own_networks);
