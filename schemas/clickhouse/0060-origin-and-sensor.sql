-- Whose log a flow is from, who observed it if a sensor did, and times finer than seconds (docs/decisions/0066-model-of-a-flow.md).
--
-- A block of flows has start_ms and end_ms only if some row of it has a value: VPC flow logs, whose times are whole seconds, do not pay for them.
-- Rows from before this migration, and of versions before it, are of VPC or transit gateway flow logs: their other columns say which.

ALTER TABLE {database}.interfaces
  ADD COLUMN IF NOT EXISTS origin LowCardinality(String) DEFAULT if(resource_type = 'TransitGateway' OR tgw_id != '' OR tgw_attachment_id != '', 'tgw', 'vpc') COMMENT 'who wrote the log: vpc, a VPC flow log; tgw, a transit gateway flow log; sensor, a sensor of the network' AFTER source_scope,
  ADD COLUMN IF NOT EXISTS sensor_name String COMMENT 'name of the sensor' AFTER origin,
  ADD COLUMN IF NOT EXISTS sensor_exporter String COMMENT 'address that sent the records' AFTER sensor_name,
  ADD COLUMN IF NOT EXISTS sensor_domain Nullable(UInt32) COMMENT 'observation domain id of IPFIX, source id of NetFlow 9' AFTER sensor_exporter,
  ADD COLUMN IF NOT EXISTS sensor_input String COMMENT 'interface that the packets came in by: its name, else its SNMP index' AFTER sensor_domain,
  ADD COLUMN IF NOT EXISTS sensor_output String COMMENT 'interface that they left by' AFTER sensor_input;
ALTER TABLE {database}.interfaces
  MODIFY COLUMN observer String ALIAS coalesce(nullIf(interface_id, ''), nullIf(resource_id, ''), nullIf(tgw_attachment_id, ''), sensor_name) COMMENT 'interface, else resource, else transit gateway attachment, else sensor';

ALTER TABLE {database}.flows
  ADD COLUMN IF NOT EXISTS start_ms Nullable(UInt16) COMMENT 'milliseconds within the second of start; NULL: the log has whole seconds' CODEC(ZSTD(1)) AFTER dur,
  ADD COLUMN IF NOT EXISTS end_ms Nullable(UInt16) COMMENT 'milliseconds within the second of the end; NULL: the log has whole seconds' CODEC(ZSTD(1)) AFTER start_ms;
