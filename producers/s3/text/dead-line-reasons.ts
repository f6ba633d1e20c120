/** Why fetch refuses a line: a closed list, as that of the parser in processors/enrich/parse/line-faults.ts. */

/** Every reason with its meaning; docs/reference/errors.md is generated from it. */
export const deadLineReasons = {
  'bad-document':
    'a JSON document among CloudWatch Logs envelopes, records of Firehose or of one field per key, or a comma-separated record, that cannot be read; its first 4096 bytes, length and SHA-256 are kept',
  'document-too-large': 'an envelope of more than 16 MiB, or a comma-separated record of more than 1 MiB; kept likewise',
  'line-too-long': 'the line is longer than s3.maxLineBytes; its first 4096 bytes, length and SHA-256 are kept',
} as const
