/** `flowloom check-config`: checks settings and prints what is in force, secrets hidden. */
import { goodConfig, readConfig } from '../config/config.ts'
import { hintsOf } from '../config/hints.ts'
import { printable } from '../config/printable.ts'
import { fileFaults, partHints, probe } from '../operations/probe/probe.ts'
import { FlowError } from '../runtime/errors.ts'
import { configOption, type Command } from './arguments/command.ts'
import { formatJson } from './print/json.ts'
import { probeText } from './print/probe-text.ts'

/** The command. */
export const checkConfigCommand: Command = {
  name: 'check-config',
  summary: 'check the settings and the files of lookup tables, all faults at once, and print what is in force',
  options: {
    config: configOption,
    probe: {
      type: 'boolean',
      doc: 'also try S3, SQS, Kafka, the registry, ClickHouse and the lookup tables, and say which permission is missing',
    },
  },
  details:
    'Prints the settings as JSON. What is allowed and often a slip goes to the error output, as lines that begin with `hint:`. Exit code 1 if a setting\nis refused, or with --probe if something does not work.',
  async run({ values }) {
    const file = values['config'] as string | undefined
    const read = readConfig({ file })
    for (const hint of [...hintsOf(read, Date.now()), ...partHints(read.settings)]) console.error(`hint: ${hint}`)
    const isProbe = values['probe'] === true
    // the probe reads these files itself
    const faults = [...read.faults, ...(isProbe && read.faults.length === 0 ? [] : await fileFaults(read.settings))]
    if (faults.length > 0) throw new FlowError('CONFIG_INVALID', { faults: faults.join('\n') })
    const config = goodConfig(read)
    if (isProbe) {
      console.error('trying S3, SQS, Kafka, the registry, ClickHouse and the lookup tables; what is away takes some seconds')
      const results = await probe(config)
      console.log(probeText(results))
      const count = results.filter(({ result }) => result === 'missing').length
      if (count > 0) throw new FlowError('PROBE_FAILED', { count, all: results.length })
      return 0
    }
    console.log(formatJson(printable(config)))
    return 0
  },
}
