/** `flowloom audit`: conservation from S3 to the table. */
import { audit } from '../operations/audit.ts'
import { openSession } from '../operations/session.ts'
import { FlowError } from '../runtime/errors.ts'
import { configOption, type Command } from './arguments/command.ts'
import { formatAudit } from './print/audit-table.ts'

/** The command. */
export const auditCommand: Command = {
  name: 'audit',
  summary: 'count every line in S3, in the topics and in ClickHouse, and compare object by object',
  options: {
    config: configOption,
    'no-topics': { type: 'boolean', doc: 'leave the topics out, if their retention has removed records' },
    json: { type: 'boolean', doc: 'print the report as JSON' },
  },
  details:
    'The S3 side is read by a plain reader of its own (gunzip, split, classify), never taken from the ledger. Exit code 1 if anything differs.\nRun it when the pipeline is idle: what is on its way counts as missing.',
  async run({ values, signal }) {
    const session = await openSession({ file: values['config'] as string | undefined }, signal)
    try {
      const withTopics = values['no-topics'] !== true
      const report = await audit(session, withTopics, text => process.stderr.isTTY && console.error(text))
      console.log(
        values['json'] === true
          ? JSON.stringify(report, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value), 2)
          : formatAudit(report, withTopics),
      )
      if (report.differences.length > 0) throw new FlowError('AUDIT_FAILED', { count: report.differences.length })
      return 0
    } finally {
      await session.cluster.close()
    }
  },
}
