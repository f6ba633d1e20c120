/** Bits of the column `absent` (schemas/clickhouse/0001-tables.sql says what each means). */
export const absentBits = {
  protocol: 1 << 0,
  tcpFlags: 1 << 1,
  encryption: 1 << 2,
  packets: 1 << 3,
  bytes: 1 << 4,
  servicePort: 1 << 5,
  localPort: 1 << 6,
  remotePort: 1 << 7,
  localAddr: 1 << 8,
  localPkt: 1 << 10,
  localThreat: 1 << 12,
  localService: 1 << 14,
  localPktUnspecified: 1 << 16,
} as const

/** The bit of the remote side is the next one. */
export const remoteBits = (localBits: number): number => localBits << 1
