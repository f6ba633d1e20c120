/** The commands. Each is loaded when it is used: what `demo` needs is not what `lookup` waits for. */
import { inspect } from 'node:util'
import { helpOf, parseCommandLine, type Command } from './arguments/command.ts'
import { escapeLines } from './print/escape-text.ts'
import { errorText, flowErrorOf, FlowError, kafkaFailureOf } from '../runtime/errors.ts'
import { nearestName } from '../runtime/nearest-name.ts'
import { ownVersion, withOwnDocs } from '../runtime/own-files.ts'
import { endWithParent, stopSignal } from '../runtime/processes/stop-signal.ts'

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  demo: async () => (await import('./demo.ts')).demoCommand,
  run: async () => (await import('./run.ts')).runCommand,
  topics: async () => (await import('./topics.ts')).topicsCommand,
  topology: async () => (await import('./topology.ts')).topologyCommand,
  'check-config': async () => (await import('./check-config.ts')).checkConfigCommand,
  lookup: async () => (await import('./lookup.ts')).lookupCommand,
  coverage: async () => (await import('./coverage.ts')).coverageCommand,
  audit: async () => (await import('./audit.ts')).auditCommand,
  'dead-letters': async () => (await import('./dead-letters.ts')).deadLettersCommand,
  replay: async () => (await import('./replay.ts')).replayCommand,
  backfill: async () => (await import('./backfill.ts')).backfillCommand,
  retry: async () => (await import('./retry.ts')).retryCommand,
  reset: async () => (await import('./reset.ts')).resetCommand,
}

async function overview(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map(load => load()))
  const width = Math.max(...all.map(command => command.name.length)) + 2
  return [
    'flowloom: AWS VPC Flow Logs from S3 through Kafka to ClickHouse',
    '',
    'usage: flowloom <command> [options]',
    '',
    ...all.map(command => `  ${command.name.padEnd(width)}${command.summary}`),
    '',
    withOwnDocs('flowloom <command> --help tells more; flowloom --version; settings: docs/reference/config.md'),
  ].join('\n')
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(await overview())
    return name === undefined ? 2 : 0
  }
  if (name === '--version' || name === '-V') {
    console.log(ownVersion())
    return 0
  }
  if (!Object.hasOwn(commands, name)) {
    const near = nearestName(name, Object.keys(commands))
    console.error(`flowloom has no command "${name}"${near === undefined ? '' : `: did you mean ${near}?`}; see \`flowloom --help\``)
    return 2
  }
  const command = await commands[name]!()
  const { help, ...input } = parseCommandLine(command, rest)
  if (help) {
    console.log(helpOf(command))
    return 0
  }
  return command.run({ ...input, signal: command.endsOnSignal === true ? stopSignal() : endWithParent() })
}

/** Errors that a person caused or can fix have a plain message; anything else is a fault of flowloom and shows where. */
function report(error: unknown): number {
  const told = flowErrorOf(error) ?? kafkaFailureOf(error)?.error ?? error
  const expected = told instanceof FlowError || (told as Error).name === 'StackError'
  console.error(expected ? `flowloom: ${errorText(told)}` : told)
  return told instanceof FlowError && told.code === 'USAGE' ? 2 : 1
}

/** No command can forget it: what it prints is escaped here. */
for (const name of ['log', 'error'] as const) {
  const print = console[name].bind(console)
  console[name] = (told: unknown) =>
    print(escapeLines(typeof told === 'string' ? (name === 'error' ? withOwnDocs(told) : told) : inspect(told)))
}

process.exitCode = await main(process.argv.slice(2)).catch(report)
// Connections that kafkajs still retries must not keep a finished command alive.
setTimeout(() => process.exit(), 2000).unref()
