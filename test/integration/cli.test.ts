/** The commands as a user types them: words, help, settings. Nothing here needs a service. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseCommandLine, type Command } from '../../cli/arguments/command.ts'
import { deadLettersCommand } from '../../cli/dead-letters.ts'
import { lookupCommand } from '../../cli/lookup.ts'
import { resetCommand } from '../../cli/reset.ts'
import { runCommand } from '../../cli/run.ts'
import { topicsCommand } from '../../cli/topics.ts'
import { topics } from '../../schemas/topics.ts'
import { topology } from '../../topology.ts'
import { flowloom, startFlowloom, type Outcome } from '../support/processes/command-line.ts'

const dir = mkdtempSync(join(tmpdir(), 'flowloom-cli-'))
after(() => rmSync(dir, { recursive: true, force: true }))

const commands = ['demo', 'run', 'topics', 'topology', 'check-config', 'lookup', 'coverage', 'audit', 'dead-letters', 'replay'].concat([
  'backfill',
  'retry',
  'reset',
])

/** A message for people: no stack trace, no object dump. */
function assertPlain({ err }: Outcome): void {
  assert.doesNotMatch(err, /^\s+at .*:\d+/m, 'a stack trace')
  assert.doesNotMatch(err, /\[cause\]|node:internal/)
}

test('without a command: the overview, with every command, and exit code 2', async () => {
  const outcome = await flowloom([])
  assert.equal(outcome.code, 2)
  for (const command of commands) assert.match(outcome.out, new RegExp(`^ {2}${command} +\\w`, 'm'))
  const { code, out } = await flowloom(['--help'])
  assert.deepEqual([code, out], [0, outcome.out])
})

test('every command has help that names its options', async () => {
  const outcomes = await Promise.all(commands.map(async command => ({ command, ...(await flowloom([command, '--help'])) })))
  for (const { command, code, out, err } of outcomes) {
    assert.deepEqual([code, err], [0, ''], command)
    assert.match(out, new RegExp(`^flowloom ${command}: .+\n\nusage: flowloom ${command} .*\\[options\\]\n`))
    assert.match(out, /^ {2}-h, --help +show this help$/m)
    if (command !== 'demo') assert.match(out, /^ {2}-c, --config FILE +/m)
  }
})

const wrong: readonly { args: string[]; message: RegExp }[] = [
  { args: ['frobnicate'], message: /^flowloom has no command "frobnicate"; see `flowloom --help`\n$/ },
  { args: ['toString'], message: /^flowloom has no command "toString"/ },
  { args: ['run', '--frob'], message: /there is no option --frob; see `flowloom run --help`/ },
  {
    args: ['run', '--roles', 'enrich,bake'],
    message: /there is no role "bake": there are discover, notify, fetch, enrich, ip-context, clickhouse/,
  },
  { args: ['lookup', '10.0.0.999'], message: /"10\.0\.0\.999" is not an address/ },
  { args: ['lookup', '10.0.0.1', '--at', 'yesterday'], message: /"yesterday" is not a time; write 2026-11-17T14:00:00Z or Unix seconds/ },
  { args: ['check-config', '--config'], message: /argument missing/ },
  { args: ['demo', '--records', 'many'], message: /--records takes a number, not "many"/ },
]
test('what cannot be understood is one plain line and exit code 2', async () => {
  const outcomes = await Promise.all(wrong.map(async ({ args, message }) => ({ args, message, outcome: await flowloom(args) })))
  for (const { args, message, outcome } of outcomes) {
    assert.deepEqual([outcome.code, outcome.out], [2, ''], args.join(' '))
    assert.match(outcome.err, message)
    assertPlain(outcome)
  }
})

const misused: readonly [Command, string[], RegExp][] = [
  [runCommand, ['enrich'], /Unexpected argument 'enrich'/],
  [topicsCommand, [], /say `topics apply`/],
  [topicsCommand, ['apply', 'again'], /say `topics apply`/],
  [resetCommand, ['enrich', '--yes'], /say `reset clickhouse`/],
  [lookupCommand, [], /say which address/],
  [lookupCommand, ['fe80::1%eth0'], /is not an address/],
  [lookupCommand, ['10.0.0.1', '10.0.0.2'], /"10\.0\.0\.1 10\.0\.0\.2" is not an address/],
  ...['2026', '2026-13-01', '2026-11-17T25:00', '1700000000000', '12', 'may 1'].map((time): [Command, string[], RegExp] => [
    lookupCommand,
    ['10.0.0.1', '--at', time],
    /is not a time/,
  ]),
  [lookupCommand, ['10.0.0.1', '--at', '9999-01-01'], /--at 9999-01-01T00:00:00Z is in the future/],
  [deadLettersCommand, ['--since', '9999-01-01'], /--since 9999-01-01T00:00:00Z is in the future/],
]
for (const [command, args, message] of misused)
  test(`${command.name} ${args.join(' ')}: refused before anything is opened`, async () => {
    const run = async (): Promise<number> => command.run({ ...parseCommandLine(command, args), signal: AbortSignal.abort() })
    await assert.rejects(run(), { code: 'USAGE', message })
  })

test('check-config tells every fault at once, from file and environment', async () => {
  const file = join(dir, 'bad.yaml')
  writeFileSync(
    file,
    'kafka: { brokers: [], partitions: -1, password: hunter2, nonsense: 1 }\ns3: { pollIntervalMs: soon, sources: [{ prefix: x }] }\nother: {}\n',
  )
  const outcome = await flowloom(['check-config', '-c', file], {
    FLOWLOOM_NO_SUCH: '1',
    FLOWLOOM_HTTP_PORT: 'any',
    FLOWLOOM_KAFKA_PASSWORD: 'hunter3',
  })
  assert.deepEqual([outcome.code, outcome.out], [1, ''])
  for (const fault of [
    'FLOWLOOM_NO_SUCH',
    'kafka.brokers',
    'kafka.partitions',
    '"nonsense"',
    's3.pollIntervalMs',
    's3.sources[0].bucket',
    '"other"',
    'http.port',
  ])
    assert.ok(outcome.err.includes(fault), `${fault} is missing in ${outcome.err}`)
  assert.doesNotMatch(outcome.err, /hunter/)
  assertPlain(outcome)
})

test('check-config prints what is in force and hides every secret', async () => {
  const file = join(dir, 'good.yaml')
  const passwordFile = join(dir, 'password')
  writeFileSync(
    file,
    'kafka: { partitions: 7 }\ns3: { sources: [{ bucket: logs }] }\nclickhouse: { url: "http://reader:hunter5@127.0.0.1:8123" }\n',
  )
  writeFileSync(passwordFile, 'hunter4\n')
  const secrets = {
    FLOWLOOM_KAFKA_PASSWORD: 'hunter1',
    FLOWLOOM_KAFKA_OAUTH_CLIENT_SECRET: 'hunter2',
    FLOWLOOM_REGISTRY_PASSWORD: 'hunter3',
    FLOWLOOM_CLICKHOUSE_PASSWORD_FILE: passwordFile,
    FLOWLOOM_S3_ACCESS_KEY_ID: 'reader',
    FLOWLOOM_S3_SECRET_ACCESS_KEY: 'hunter6',
  }
  const { code, out, err } = await flowloom(['check-config'], { ...secrets, FLOWLOOM_CONFIG: file, FLOWLOOM_KAFKA_FEW_PARTITIONS: '2' })
  // a password that nobody logs in with is allowed, and said
  assert.equal(code, 0)
  assert.match(err, /^hint: kafka\.password: nobody logs in without kafka\.saslMechanism.*\n$/)
  assert.doesNotMatch(out + err, /hunter/)
  const shown = JSON.parse(out) as Record<string, Record<string, unknown>>
  assert.deepEqual([shown['kafka']?.['partitions'], shown['kafka']?.['fewPartitions']], [7, 2])
  for (const [section, key] of [
    ['kafka', 'password'],
    ['kafka', 'oauthClientSecret'],
    ['registry', 'password'],
    ['clickhouse', 'password'],
    ['s3', 'secretAccessKey'],
  ] as const)
    assert.equal(shown[section]?.[key], '(hidden)', `${section}.${key}`)
})

test('a configuration that is not there, or is no mapping, is one plain line', async () => {
  const text = join(dir, 'text.yaml')
  writeFileSync(text, 'just text')
  for (const [file, message] of [
    [join(dir, 'none.yaml'), /cannot read .*none\.yaml \(configuration\)/],
    [text, /not a mapping/],
  ] as const) {
    const outcome = await flowloom(['check-config', '-c', file])
    assert.equal(outcome.code, 1)
    assert.match(outcome.err, message)
    assertPlain(outcome)
  }
})

test('topology draws every part and every topic, under the configured prefix', async () => {
  const { code, out } = await flowloom(['topology'], { FLOWLOOM_KAFKA_TOPIC_PREFIX: 'mine.' })
  assert.equal(code, 0)
  for (const node of topology) assert.match(out, new RegExp(`^${node.kind} ${node.name}: `, 'm'))
  for (const topic of Object.values(topics)) assert.ok(out.includes(`mine.${topic.name}.v${topic.version}`), topic.name)
  assert.match(out, /──> ClickHouse/)
})

test('the password in the URL of ClickHouse is in no message, and the client tells nothing beside it', async () => {
  const { code, err } = await flowloom(['lookup', '10.0.0.1'], {
    FLOWLOOM_CLICKHOUSE_URL: `http://reader:hunter7@127.0.0.1:${await deadPort()}`,
  })
  assert.equal(code, 1)
  assert.match(err, /^flowloom: ClickHouse at http:\/\/127\.0\.0\.1:\d+\/? does not answer: [^\n]*\n$/)
  assert.doesNotMatch(err, /hunter/)
})

/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>(resolve => server.close(() => resolve()))
  return port
}

test('services that do not answer: commands say which and end, run waits and stops when it is asked to', { timeout: 90_000 }, async () => {
  const port = await deadPort()
  const url = `http://127.0.0.1:${port}`
  const env = { FLOWLOOM_KAFKA_BROKERS: `127.0.0.1:${port}`, FLOWLOOM_CLICKHOUSE_URL: url, FLOWLOOM_REGISTRY_URL: url }
  const waiting = startFlowloom(['run'], env)
  const [apply, letters, lookup] = await Promise.all([
    flowloom(['topics', 'apply'], env),
    flowloom(['dead-letters'], env),
    flowloom(['lookup', '10.0.0.1'], env),
  ])
  assert.deepEqual([apply.code, letters.code, lookup.code], [1, 1, 1])
  assert.match(apply.err, new RegExp(`^flowloom: the schema registry at http://127\\.0\\.0\\.1:${port} does not answer: .*\n$`), 'one line')
  assert.match(letters.err, new RegExp(`^flowloom: no broker of 127\\.0\\.0\\.1:${port} answers: .*\n$`), 'one line')
  assert.match(lookup.err, new RegExp(`^flowloom: ClickHouse at http://127\\.0\\.0\\.1:${port} does not answer: .*\n$`))
  while (!waiting.said.err.includes('"msg":"waiting"')) await sleep(100)
  assert.equal(waiting.child.exitCode, null, 'run waits for the broker')
  const stopMs = performance.now()
  waiting.child.kill('SIGTERM')
  const { code } = await waiting.ended
  assert.equal(code, 0)
  assert.ok(performance.now() - stopMs < 5000, 'a stop does not wait for a broker that is away')
})
