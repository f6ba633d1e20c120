/** Lines of the tests of coverage and overlaps: one interface, one address, fixed times. */
import { place } from './table-path.ts'

/** Unix seconds of the first slot. */
export const t0 = Date.parse('2026-11-24T10:00:00Z') / 1000
/** Unix seconds of the n-th slot. */
export const slot = (n: number): number => t0 + n * 300
/** The default format. */
export const narrow = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
/** A format with more columns. */
export const wide = `${narrow} vpc-id subnet-id instance-id tcp-flags flow-direction`

/** What differs from line to line. */
export interface Line {
  readonly eni?: string
  readonly port?: number
  readonly start: number
  readonly end?: number
  readonly action?: string
}

/** A flow of an interface; its address is always the same. */
export const flowLine = ({ eni = 'eni-1', port = 50_000, start, end = start + 59, action = 'ACCEPT' }: Line): string =>
  `2 ${place.accountId} ${eni} 10.0.0.5 198.51.100.7 ${port} 443 6 10 840 ${start} ${end} ${action} OK`
/** The same in the wide format. */
export const wideLine = (line: Line): string => `${flowLine(line)} vpc-1 subnet-1 i-1 0 egress`
/** The text of an object. */
export const file = (header: string, lines: readonly string[]): string => [header, ...lines, ''].join('\n')
