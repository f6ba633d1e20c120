/** Lines that no parser can take, one of each kind in turn, and blank lines, which are none. */
import type { Random } from './random.ts'

/** What is wrong with a line. `blank` is not a fault: such a line is counted as blank. */
export const badLineKinds = [
  'too-few-fields',
  'too-many-fields',
  'bad-address',
  'bad-number',
  'number-too-large',
  'bad-action',
  'bad-log-status',
  'bad-time',
  'invalid-utf8',
  'line-too-long',
  'blank',
] as const
/** Kind of a bad line. */
export type BadLineKind = (typeof badLineKinds)[number]

/**
 * Spoils a good line.
 *
 * @param columns Column names of the format.
 * @param fields A good line with traffic.
 * @returns Bytes without line end.
 */
export function spoil(kind: BadLineKind, columns: readonly string[], fields: readonly (string | number)[], random: Random): Buffer {
  const swap = (name: string, value: string): Buffer =>
    Buffer.from(fields.map((field, index) => (columns[index] === name ? value : field)).join(' '))
  const line = fields.join(' ')
  switch (kind) {
    case 'too-few-fields':
      return Buffer.from(fields.slice(0, random.between(1, fields.length - 1)).join(' '))
    case 'too-many-fields':
      return Buffer.from(`${line} one-more`)
    case 'bad-address':
      return swap('srcaddr', random.pick(['10.0.0.256', 'host.example', '10.0.0', '1:2:3']))
    case 'bad-number':
      return swap('packets', random.pick(['-1', '1.5', '0x10', '12a', 'NaN']))
    case 'number-too-large':
      return swap('bytes', '99999999999999999999')
    case 'bad-action':
      return swap('action', 'MAYBE')
    case 'bad-log-status':
      return swap('log-status', 'FINE')
    case 'bad-time':
      return swap('start', '4294967296')
    case 'invalid-utf8': {
      // in the interface, which is free text; 0xff is never valid
      const bytes = swap('interface-id', 'eni-?')
      bytes[bytes.indexOf('eni-?') + 4] = 0xff
      return bytes
    }
    case 'line-too-long':
      return Buffer.from(`${line} ${'x'.repeat(70_000)}`)
    case 'blank':
      return Buffer.from(random.pick(['', ' ', '\r']))
  }
}
