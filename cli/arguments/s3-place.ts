/** Places in S3 as commands take them: `s3://bucket/prefix`, or the beginning of keys of any bucket. */
import type { S3Place } from '../../operations/s3-place.ts'
import { bucketFault } from '../../producers/s3/value-checks.ts'
import { FlowError } from '../../runtime/errors.ts'

/**
 * Reads a place.
 *
 * @throws FlowError USAGE for a URL of another kind.
 */
export function parsePlace(text: string, command: string): S3Place {
  const match = /^s3:\/\/([^/]+)(?:\/+(.*))?$/is.exec(text)
  if (match !== null) return { bucket: match[1]!, prefix: match[2] ?? '' }
  if (!/^(?:[a-z][a-z0-9+.-]*:\/|arn:)/i.test(text)) return { bucket: undefined, prefix: text.replace(/^\/+/, '') }
  const instead = /write bucket: ([^,]+)(?:, prefix: ([^,]*))?/.exec(bucketFault(text) ?? '')
  const example = instead === null ? 's3://bucket/prefix' : `s3://${instead[1]!}/${instead[2] ?? ''}`
  throw new FlowError('USAGE', { detail: `"${text}" is not a place in S3; write ${example}`, command })
}
