/**
 * Bits of the column `absent` that belong to a row and its addresses (schemas/clickhouse/0001-tables.sql says what each means); those of traits and
 * attributes stand in the tables of flow/.
 */
export const absentBits = {
  packets: 1 << 3,
  bytes: 1 << 4,
  servicePort: 1 << 5,
  localPort: 1 << 6,
  localAddr: 1 << 8,
  localPkt: 1 << 10,
  localPktUnspecified: 1 << 16,
} as const

/** The bit of the remote side is the next one. */
export const remoteBits = (localBits: number): number => localBits << 1
