/** The command `npm run stack`: start, stop, reset and status of the local stack. */
import { once } from 'node:events'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultDataDir, startStack } from './local-stack.ts'
import { parsePort, portNames, portsFromEnvironment, portTable } from './ports.ts'
import type { Ports } from './ports.ts'
import { stackEnvironment } from './stack-environment.ts'
import { StackError } from './stack-error.ts'
import { StackFolder } from './stack-folder.ts'

const help = `Usage: npm run stack [-- <command> [options]]

The local stack without Docker: Kafka, a schema registry, S3 with SQS, and ClickHouse, all on 127.0.0.1.
It needs Java 17 or newer, and Maven for the first start.

Commands:
  start    start it and keep it running until Ctrl-C (the default)
  stop     end the stack that runs on the data folder
  reset    wipe all data of the data folder
  status   tell what runs, and where it listens; exit code 3 where not all of it runs

Options:
  --data-dir <folder>               data, logs and pid files (STACK_DATA_DIR; default .flowloom/stack)
  --tls                             add a Kafka listener with TLS and SCRAM-SHA-512
  --reset                           wipe all data before the start
  --bucket <name>                   make this bucket, may be repeated (default flow-logs)
${portNames.map(name => `  ${`${portTable[name].flag} <port>`.padEnd(33)} port of ${portTable[name].service} (${portTable[name].env}; default ${portTable[name].port})`).join('\n')}
  --help                            show this text`

const say = (text: string): void => console.log(text)

try {
  process.exitCode = await runCommand(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof StackError)) throw error
  console.error(error.message)
  process.exitCode = 1
}

async function runCommand(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(args)
  if (values['help'] === true) {
    say(help)
    return 0
  }
  const [command = 'start', ...rest] = positionals
  if (rest.length > 0) throw new StackError('USAGE', { detail: `unexpected argument "${rest[0] ?? ''}"` })
  const dataDir = resolve(textOf(values['data-dir']) ?? process.env['STACK_DATA_DIR'] ?? defaultDataDir)
  switch (command) {
    case 'start':
      return start({
        dataDir,
        ports: readPorts(values),
        tls: values['tls'] === true,
        reset: values['reset'] === true,
        buckets: values['bucket'] as string[] | undefined,
      })
    case 'stop':
      say((await new StackFolder(dataDir).end(say)) ? 'stopped' : `no stack runs in ${dataDir}`)
      return 0
    case 'reset':
      return reset(dataDir)
    case 'status':
      return status(dataDir)
    default:
      throw new StackError('USAGE', { detail: `unknown command "${command}"` })
  }
}

async function start(options: {
  dataDir: string
  ports: Partial<Ports>
  tls: boolean
  reset: boolean
  buckets: string[] | undefined
}): Promise<number> {
  const interrupted = new AbortController()
  // A terminal sends SIGINT to npm and to this process, and npm passes it on: it comes more than once.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())
  const { buckets, ...rest } = options
  try {
    const stack = await startStack({
      ...rest,
      ...(buckets === undefined ? {} : { buckets }),
      log: say,
      handleSignals: false,
      signal: interrupted.signal,
    })
    const environment = Object.entries(stackEnvironment(stack)).map(([name, value]) => `export ${name}=${value}`)
    say(`\nThe stack is up; its data is in ${stack.dataDir}. Point flowloom to it with:\n\n${environment.join('\n')}\n`)
    say(`SQS queue with notifications of new objects: ${stack.endpoints.sqsQueueUrl}`)
    const other = options.dataDir === resolve(defaultDataDir) ? '' : ` -- stop --data-dir ${options.dataDir}`
    say(`Ctrl-C ends it, as does \`npm run stack${other === '' ? ' -- stop' : other}\`.`)
    if (!interrupted.signal.aborted) await once(interrupted.signal, 'abort')
    say('stopping')
    await stack.stop()
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    say('interrupted')
    return 130
  }
  return 0
}

async function reset(dataDir: string): Promise<number> {
  const folder = new StackFolder(dataDir)
  await folder.claim(say)
  folder.wipe()
  folder.release()
  say(`wiped the data in ${dataDir}`)
  return 0
}

/** @returns Exit code 0 where a whole stack runs, else 3. */
function status(dataDir: string): number {
  const { parent, pids, endpoints } = new StackFolder(dataDir).status()
  say(parent === undefined ? `no stack runs in ${dataDir}` : `the stack in ${dataDir} runs (pid ${parent})`)
  for (const [service, pid] of Object.entries(pids))
    if (parent !== undefined || pid !== undefined) say(`${service.padEnd(12)}${pid === undefined ? 'does not run' : `pid ${pid}`}`)
  if (parent !== undefined && endpoints !== undefined) say(JSON.stringify(endpoints, null, 2))
  return parent !== undefined && Object.values(pids).every(pid => pid !== undefined) ? 0 : 3
}

function readArguments(args: string[]): { values: Record<string, unknown>; positionals: string[] } {
  const ports = Object.fromEntries(portNames.map(name => [portTable[name].flag.slice(2), { type: 'string' as const }]))
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...ports,
        'data-dir': { type: 'string' },
        tls: { type: 'boolean' },
        reset: { type: 'boolean' },
        bucket: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (cause) {
    throw new StackError('USAGE', { detail: cause instanceof Error ? cause.message : String(cause) }, { cause })
  }
}

function readPorts(values: Record<string, unknown>): Partial<Ports> {
  const ports = portsFromEnvironment(process.env)
  for (const name of portNames) {
    const { flag } = portTable[name]
    const text = textOf(values[flag.slice(2)])
    if (text !== undefined) ports[name] = parsePort(text, flag)
  }
  return ports
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
