/** Why a line cannot be read: a closed list. The reason is the metric label and stands in the dead letter. */

import type { BatchFault } from '../../../flow/flow-batch.ts'

/** Every reason with its meaning; docs/reference/errors.md is generated from it. */
export const lineFaultReasons = {
  'no-columns': 'the block has no usable header line, so nothing says what its columns are',
  'too-few-fields': 'the line has fewer fields than the header line',
  'too-many-fields': 'the line has more fields than the header line',
  'bad-number': 'a number has another character than 0 to 9',
  'number-too-large': 'a counter above 2^53 - 2, a port or TCP flags above 65535, or another number above 255',
  'bad-address': 'an address is neither IPv4 nor IPv6',
  'bad-action': 'action is neither ACCEPT nor REJECT',
  'bad-log-status': 'log-status is none of OK, NODATA, SKIPDATA',
  'bad-direction': 'flow-direction is neither ingress nor egress',
  'bad-time': 'end is before start, or a time is outside 0 to 2^32 - 1 seconds',
  'time-in-milliseconds': 'a time is in milliseconds where seconds are documented',
  'invalid-utf8': 'a text is not UTF-8',
  'line-too-long': 'the line is longer than 256 KiB; the fetcher cuts off shorter ones by `s3.maxLineBytes`',
} as const

/** Reason of a fault. */
export type LineFaultReason = keyof typeof lineFaultReasons

/** Reasons by number, for columns and hot loops; 0 is none, n is entry n - 1 of this list. */
export const faultReasonList = Object.keys(lineFaultReasons) as readonly LineFaultReason[]

/** Number of a reason: its place in `faultReasonList` plus 1. */
export const faultNumber = (reason: LineFaultReason): number => faultReasonList.indexOf(reason) + 1

/** One line that cannot be read. */
export interface LineFault extends BatchFault {
  readonly reason: LineFaultReason
}
