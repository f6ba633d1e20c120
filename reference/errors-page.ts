/** docs/reference/errors.md. */
import { errorTable } from '../runtime/errors.ts'
import { topology, type Topology } from '../topology.ts'
import { code, generatedMark, table } from './markdown.ts'

/** Every error code and every reason of a dead letter. */
export function errorsPage(parts: Topology = topology): string {
  const errors = Object.entries(errorTable).map(([name, { retriable, message }]) => [code(name), retriable ? 'yes' : 'no', message])
  const reasons = parts.flatMap(({ name, refuses = {} }) => Object.entries(refuses).map(([reason, doc]) => [code(reason), name, doc]))
  return [
    generatedMark('runtime/errors.ts and the parts'),
    '# Errors\n',
    '## Error codes\n',
    'The code stands in the log, in the ledger (`objects`, field `errorCode`) and in metrics. Retried: the same call can succeed later without a person. `{name}` is filled in.\n',
    table(['code', 'retried', 'message'], errors),
    '## Reasons of dead letters\n',
    'A closed list: field `reason` of `dead-letters`, and the label of the counters.\n',
    table(['reason', 'stage', 'meaning'], reasons),
  ].join('\n')
}
