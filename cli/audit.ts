/** `flowloom audit`: conservation from S3 to the table. */
import { audit, faultsOf, type KeyRange } from '../operations/audit.ts'
import { openSession } from '../operations/session.ts'
import { FlowError } from '../runtime/errors.ts'
import { configOption, type Command } from './arguments/command.ts'
import { parseTimeRange, type TimeRange } from './arguments/times.ts'
import { auditJson, formatAudit } from './print/audit-table.ts'
import { describeFilter } from './print/filter.ts'
import { formatJson, isoTime } from './print/json.ts'

/** The command. */
export const auditCommand: Command = {
  name: 'audit',
  summary: 'count every line in S3, in the topics and in ClickHouse, and compare object by object',
  options: {
    config: configOption,
    'no-topics': { type: 'boolean', doc: 'leave the topics out, if their retention has removed records' },
    from: { type: 'string', value: 'TIME', doc: 'objects of this time on alone, by the slot (else hour or day) in their key' },
    to: { type: 'string', value: 'TIME', doc: 'objects before this time alone; default now' },
    json: { type: 'boolean', doc: 'print the report as JSON' },
  },
  details:
    'A separate, simple reader reads the S3 side (gunzip, split, classify); nothing is taken from the ledger. Exit code 1 if anything differs, if objects were\nnever announced, or if a source that was read before now lists nothing. An object that cannot be read, and is failed or retrying in the ledger too, is not a\ndifference: it is listed, and the last line says that its lines are not known. Objects before the startDate of their source are left out unless they were read.\nRun it while the pipeline is idle: records on their way count as missing.',
  async run({ values, signal }) {
    const nowS = Math.ceil(Date.now() / 1000)
    const asked = parseTimeRange(values, { command: 'audit', nowS })
    const range = rangeOf(asked, nowS)
    const text = (seconds: number | undefined): string | undefined => (seconds === undefined ? undefined : isoTime(seconds))
    const filter = describeFilter({ from: text(asked.fromS), to: text(asked.toS) })
    const session = await openSession({ file: values['config'] as string | undefined }, signal)
    try {
      const withTopics = values['no-topics'] !== true
      const report = await audit(session, withTopics, text => process.stderr.isTTY && console.error(text), range)
      console.log(
        values['json'] === true
          ? formatJson({ filter: filter.json, ...auditJson(report, withTopics) })
          : formatAudit(report, withTopics, filter),
      )
      const count = faultsOf(report)
      if (count > 0) throw new FlowError('AUDIT_FAILED', { count })
      return 0
    } finally {
      await session.cluster.close()
    }
  },
}

const rangeOf = ({ fromS, toS }: TimeRange, nowS: number): KeyRange | undefined =>
  fromS === undefined && toS === undefined ? undefined : { fromS: fromS ?? 0, toS: toS ?? nowS }
