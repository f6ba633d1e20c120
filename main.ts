#!/usr/bin/env node
/** The commands. */
import { auditCommand } from './cli/audit.ts'
import { checkConfigCommand } from './cli/check-config.ts'
import { helpOf, parseCommandLine, type Command } from './cli/command.ts'
import { demoCommand } from './cli/demo/demo.ts'
import { lookupCommand } from './cli/lookup.ts'
import { resetCommand } from './cli/reset.ts'
import { retryCommand } from './cli/retry.ts'
import { runCommand } from './cli/run.ts'
import { topicsCommand } from './cli/topics.ts'
import { topologyCommand } from './cli/topology.ts'
import { FlowError } from './runtime/errors.ts'

const commands: readonly Command[] = [
  demoCommand,
  runCommand,
  topicsCommand,
  topologyCommand,
  checkConfigCommand,
  lookupCommand,
  auditCommand,
  retryCommand,
  resetCommand,
]

function overview(): string {
  const width = Math.max(...commands.map(command => command.name.length)) + 2
  return [
    'flowloom: AWS VPC Flow Logs from S3 through Kafka to ClickHouse',
    '',
    'usage: flowloom <command> [options]',
    '',
    ...commands.map(command => `  ${command.name.padEnd(width)}${command.summary}`),
    '',
    'flowloom <command> --help tells more; settings: docs/reference/config.md',
  ].join('\n')
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    console.log(overview())
    return name === undefined ? 2 : 0
  }
  const command = commands.find(candidate => candidate.name === name)
  if (command === undefined) {
    console.error(`flowloom has no command "${name}"\n\n${overview()}`)
    return 2
  }
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
  const { help, ...input } = parseCommandLine(command, rest)
  if (help) {
    console.log(helpOf(command))
    return 0
  }
  return command.run({ ...input, signal: stop.signal })
}

/** Errors that a person caused or can mend have a plain message; anything else is a fault of flowloom and shows where. */
function report(error: unknown): number {
  const expected = error instanceof FlowError || (error as Error).name === 'StackError'
  console.error(expected ? `flowloom: ${(error as Error).message}` : error)
  return error instanceof FlowError && error.code === 'USAGE' ? 2 : 1
}

process.exitCode = await main(process.argv.slice(2)).catch(report)
// Connections that kafkajs still retries must not keep a finished command alive.
setTimeout(() => process.exit(), 2000).unref()
