-- exposed_ports_between of all days there are.
-- The columns are named here because the server takes half a second to work them out.
CREATE OR REPLACE VIEW {database}.exposed_ports (
  evidence String, observer Nullable(String), account_id Nullable(String), vpc_id Nullable(String), subnet_id Nullable(String),
  instance_id Nullable(String), exposure String, protocol UInt8, local_addr String, local_port Nullable(UInt16), remote_addr String,
  country Nullable(String), asn Nullable(UInt32), as_org Nullable(String), threat Nullable(String), flows UInt64, packets Nullable(UInt64),
  bytes Nullable(UInt64), first_seen Nullable(DateTime('UTC')), last_seen Nullable(DateTime('UTC')), inferred UInt8, maybe_nat UInt8
) AS
SELECT * FROM {database}.exposed_ports_between(from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15');
