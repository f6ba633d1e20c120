/**
 * `npm test`: every suite in order, cheapest first, with the minutes of each; ends at the first that fails. Checks of the source run side
 * by side, and each core runs a file of the tests without services.
 *
 * `--only a,b` runs some suites, `--long` adds the long ones. One local stack serves all integration tests that do not need their own.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compileCache } from '../operations/role-processes.ts'
import { startStack, type Stack } from '../stack/local-stack.ts'

const { values } = parseArgs({ options: { only: { type: 'string' }, long: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
const root = join(import.meta.dirname, '..')

/** Least share of lines, branches and functions that the tests of `measured` must reach, in percent. */
const coverage = { lines: 90, branches: 90, functions: 90 }

const files = (pattern: string): string[] => globSync(pattern, { cwd: root }).sort()

/** A suite that takes longer hangs: it is ended and has failed. The long suites have no such limit. */
const longestSuiteMs = 1_500_000
/** A test that takes longer has failed; the others go on. */
const longestTestMs = 420_000

/** Code with which a process ended, and what it printed, if that was kept. */
interface Ending {
  readonly code: number
  readonly printed: string
}

function node(args: readonly string[], env: NodeJS.ProcessEnv = {}, keep = false): Promise<Ending> {
  const stdio = keep ? 'pipe' : 'inherit'
  const child = spawn(process.execPath, ['--no-warnings', ...args], { cwd: root, stdio, env: { ...process.env, ...env } })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  const limitMs = values.long === true ? 2 ** 31 - 1 : longestSuiteMs
  const timer = setTimeout(() => {
    console.log(`the suite has not ended within ${limitMs / 60_000} min; it is stopped`)
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 20_000).unref()
  }, limitMs)
  return new Promise(resolve =>
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: signal === null ? (code ?? 1) : 1, printed })
    }),
  )
}

/** Runs a check of the source. What it prints is kept, as others run beside it. */
const check = (path: string, ...args: string[]): Promise<Ending> => node([path, ...args], {}, true)
const tool = (path: string, ...args: string[]): Promise<Ending> => check(join('node_modules', path), ...args)

/** Runs test files, each in a process of its own; as many at once as the concurrency says. */
const tests = (names: readonly string[], concurrency: number, env: NodeJS.ProcessEnv = {}, ...options: string[]): Promise<Ending> =>
  node(['--test', '--test-reporter=spec', `--test-concurrency=${concurrency}`, ...options, ...names], env)

/** Files that use services: they wait for servers half of their time, so there is one more than cores. */
const filesAtOnce = availableParallelism() + 1

/** Runs test files that use services, in this order. The files share what they compile; where coverage is measured they may not. */
const liveTests = (names: readonly string[], env: NodeJS.ProcessEnv, concurrency: number): Promise<Ending> =>
  node([join('test', 'run-in-order.ts'), `--concurrency=${concurrency}`, `--timeout=${longestTestMs}`, ...names], {
    NODE_COMPILE_CACHE: compileCache,
    ...env,
  })

/** The stack that all integration tests share. It starts while the suite before runs, so that nothing waits for its services. */
class SharedStack {
  #started: { dir: string; databases: string; stack: Promise<Stack> } | undefined

  /** Begins to start it; what fails is told by `run`. */
  start(): void {
    if (this.#started !== undefined) return
    const dir = mkdtempSync(join(tmpdir(), 'flowloom-stack-'))
    const databases = mkdtempSync(join(tmpdir(), 'flowloom-databases-'))
    const stack = startStack({ dataDir: dir, ports: 'free', log: text => console.log(text) })
    stack.catch(() => undefined)
    this.#started = { dir, databases, stack }
  }

  async run(run: (env: NodeJS.ProcessEnv) => Promise<Ending>): Promise<Ending> {
    this.start()
    const { stack, databases } = this.#started!
    return run({ FLOWLOOM_TEST_ENDPOINTS: JSON.stringify((await stack).endpoints), FLOWLOOM_TEST_DATABASES: databases })
  }

  /** Ends it, if it was started. */
  async stop(): Promise<void> {
    const started = this.#started
    this.#started = undefined
    if (started === undefined) return
    await started.stack.then(
      stack => stack.stop(),
      () => undefined,
    )
    for (const dir of [started.dir, started.databases]) rmSync(dir, { recursive: true, force: true })
  }
}

const shared = new SharedStack()

const withoutBroker = ['test/unit/**/*.test.ts', 'test/property/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/topology/**/*.test.ts']
/** Folders of the tests whose coverage is measured, which makes them slower, up to three times. The random inputs are not among them. */
const covered = /^test\/(golden|topology|unit\/(audit|flow|processors|producers|schemas|sinks))\//
/** Files of these folders that are not measured: they do the same over and over, with many values or large ones. The limits hold without them. */
const repetitive = [
  'topology/one-more-part',
  'flow.one-new-row',
  'clickhouse.insert-bytes',
  'flow-columns',
  'table-target.old-ranges',
  'parquet-text.hostile',
  'object-text.packed',
  'lookups',
  'lookup-tables.reload',
]
/** True for a file whose coverage is measured. */
const isMeasured = (name: string): boolean => covered.test(name) && !repetitive.some(each => name.endsWith(`/${each}.test.ts`))

/** Runs the tests without services on each core. */
async function testsWithoutBroker(): Promise<Ending> {
  const all = withoutBroker.flatMap(files)
  const thresholds = Object.entries(coverage).map(([what, percent]) => `--test-coverage-${what}=${percent}`)
  const folders = ['flow', 'schemas', 'processors', 'producers', 'sinks', 'audit', 'aws'].map(
    folder => `--test-coverage-include=${folder}/**/*.ts`,
  )
  const cores = availableParallelism()
  const ending = await tests(all.filter(isMeasured), cores, {}, '--experimental-test-coverage', ...thresholds, ...folders)
  if (ending.code !== 0) return ending
  return tests(
    all.filter(name => !isMeasured(name)),
    cores,
    { NODE_COMPILE_CACHE: compileCache },
  )
}

/** Integration tests that take a minute or more begin first: the last one would run alone. */
const longest = [
  'planted-truth',
  'clickhouse-coverage',
  'clickhouse-planted-coverage',
  'clickhouse-overlaps',
  'clickhouse-migrate',
  'clickhouse-views',
  'coverage-waiting',
  'containers',
  'dead-letters',
  'replay',
  'cli-live',
  'pipeline',
  'three-pollers',
  'install',
]
/** Integration tests that keep a core busy with questions to ClickHouse. The others mostly wait: for brokers, sessions and timers. */
const areBusy = /\/(?:clickhouse-|planted-truth)/

/** Orders files so that at any time some of those that run are busy and some wait. */
function inTurn(names: readonly string[]): string[] {
  const placed = [true, false].flatMap(busy => {
    const group = names.filter(name => areBusy.test(name) === busy)
    const begin = group.filter(name => longest.some(each => name.endsWith(`/${each}.test.ts`)))
    return [...begin, ...group.filter(name => !begin.includes(name))].map((name, i, { length }) => ({ name, place: (i + 0.5) / length }))
  })
  return placed.sort((a, b) => a.place - b.place).map(({ name }) => name)
}

interface Suite {
  readonly name: string
  /** Left out unless it is asked for. */
  readonly long?: boolean
  /** Runs at the same time as its neighbours that do so too. */
  readonly besideOthers?: boolean
  /** Begins what takes its time, while the suite before runs. */
  readonly prepare?: () => void
  /** Ends what the suite needed; called once all is over, too. */
  readonly release?: () => Promise<void>
  readonly run: () => Promise<Ending>
}

/** The suites in order. */
const suites: readonly Suite[] = [
  { name: 'format', besideOthers: true, run: () => tool('prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.') },
  { name: 'lint', besideOthers: true, run: () => tool('eslint/bin/eslint.js', '--max-warnings=0', '.') },
  { name: 'types', besideOthers: true, run: () => tool('typescript/bin/tsc', '--noEmit') },
  { name: 'generated', besideOthers: true, run: () => check('reference/generate.ts', '--check') },
  { name: 'unit, property, golden, topology', run: testsWithoutBroker },
  {
    name: 'integration',
    prepare: () => shared.start(),
    run: () =>
      shared.run(env =>
        liveTests(inTurn(files('test/integration/*.test.ts')), { ...env, FLOWLOOM_TEST_LONG: String(values.long === true) }, filesAtOnce),
      ),
    release: () => shared.stop(),
  },
  { name: 'delivery', run: () => liveTests(files('test/delivery/*.test.ts'), {}, 1) },
  { name: 'speed', run: () => node(['bench/gate.ts']) },
  { name: 'long', long: true, run: () => tests(files('test/long/*.test.ts'), 1) },
]

async function main(): Promise<number> {
  if (values.help === true) {
    console.log(`npm test [-- --only ${suites.map(suite => `"${suite.name}"`).join('|')}[,...]] [--long]`)
    return 0
  }
  const only = values.only?.split(/[;,]/).map(name => name.trim())
  const known = new Set(suites.flatMap(({ name }) => name.split(', ')))
  const unknown = only?.find(name => !known.has(name))
  if (unknown !== undefined) {
    console.error(`there is no suite "${unknown}"; suites are ${[...known].join(', ')}`)
    return 2
  }
  const wanted = suites.filter(suite =>
    only === undefined ? suite.long !== true || values.long === true : suite.name.split(', ').some(name => only.includes(name)),
  )
  const minutes: string[] = []
  let failed = 0
  const stages = stagesOf(wanted)
  for (const [i, stage] of stages.entries()) {
    for (const next of stages[i + 1] ?? []) next.prepare?.()
    await Promise.all(
      stage.map(async ({ name, run, release }) => {
        const heading = `\n── ${name} ${'─'.repeat(Math.max(0, 70 - name.length))}`
        if (stage.length === 1) console.log(heading)
        const startMs = performance.now()
        const { code, printed } = await run().finally(release)
        const spent = ((performance.now() - startMs) / 60_000).toFixed(2)
        if (stage.length > 1) console.log(heading)
        process.stdout.write(printed)
        if (code !== 0) failed++
        minutes.push(`${name.padEnd(36)}${spent.padStart(6)} min  ${code === 0 ? 'passed' : 'FAILED'}`)
      }),
    )
    if (failed > 0) break
  }
  for (const { release } of wanted) await release?.()
  console.log(`\n${minutes.join('\n')}\n\nsuites: ${minutes.length - failed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

/** Suites that begin together. */
function stagesOf(wanted: readonly Suite[]): Suite[][] {
  const stages: Suite[][] = []
  for (const suite of wanted) {
    const last = stages.at(-1)
    if (suite.besideOthers === true && last?.[0]?.besideOthers === true) last.push(suite)
    else stages.push([suite])
  }
  return stages
}

process.exitCode = await main()
