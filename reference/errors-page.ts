/** docs/reference/errors.md. */
import { errorTable } from '../runtime/errors.ts'
import { lineFaultReasons } from '../processors/enrich/parse/line-faults.ts'
import { deadLineReasons } from '../producers/s3/text/dead-line-reasons.ts'
import { code, generatedMark, table } from './markdown.ts'

/** Every error code and every reason of a dead letter. */
export function errorsPage(): string {
  const errors = Object.entries(errorTable).map(([name, { retriable, message }]) => [code(name), retriable ? 'yes' : 'no', message])
  const reasons = [
    ...Object.entries(deadLineReasons).map(([reason, doc]) => [code(reason), 'fetch', doc]),
    ...Object.entries(lineFaultReasons).map(([reason, doc]) => [code(reason), 'enrich', doc]),
  ]
  return [
    generatedMark('runtime/errors.ts and processors/enrich/parse/line-faults.ts'),
    '# Errors\n',
    '## Error codes\n',
    'The code stands in the log, in the ledger (`objects`, field `errorCode`) and in metrics. Retried: the same call can succeed later without a person. `{name}` is filled in.\n',
    table(['code', 'retried', 'message'], errors),
    '## Reasons of dead letters\n',
    'A closed list: field `reason` of `dead-letters`, and the label of the counters.\n',
    table(['reason', 'stage', 'meaning'], reasons),
  ].join('\n')
}
