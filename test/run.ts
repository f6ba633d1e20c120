/**
 * `npm test`: every suite in order, cheapest first, with the minutes of each; ends at the first suite that fails.
 *
 * `--only a,b` runs some suites, `--long` adds the long ones. One local stack serves all integration tests that do not need their own.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startStack } from '../stack/local-stack.ts'

const { values } = parseArgs({ options: { only: { type: 'string' }, long: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
const root = join(import.meta.dirname, '..')

/** Least share of lines, branches and functions that the suites without a broker must reach, in percent. */
const coverage = { lines: 90, branches: 90, functions: 90 }

const files = (pattern: string): string[] => globSync(pattern, { cwd: root }).sort()

/** A suite that takes longer hangs: it is ended and has failed. The long suites have no such limit. */
const longestSuiteMs = 1_500_000
/** A test that takes longer has failed; the others go on. */
const longestTestMs = 420_000

function node(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<number> {
  const child = spawn(process.execPath, ['--no-warnings', ...args], { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  const limitMs = values.long === true ? 2 ** 31 - 1 : longestSuiteMs
  const timer = setTimeout(() => {
    console.log(`the suite has not ended within ${limitMs / 60_000} min; it is stopped`)
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 20_000).unref()
  }, limitMs)
  return new Promise(resolve =>
    child.on('exit', (code, signal) => {
      clearTimeout(timer)
      resolve(signal === null ? (code ?? 1) : 1)
    }),
  )
}

const tool = (path: string, ...args: string[]): Promise<number> => node([join('node_modules', path), ...args])

/** Runs test files, each in a process of its own. */
const tests = (names: readonly string[], env: NodeJS.ProcessEnv = {}, ...options: string[]): Promise<number> =>
  node(['--test', '--test-reporter=spec', ...options, ...names], env)

/** Runs test files that use services. A test that has failed half-way may leave a loop or a connection behind: its file ends all the same. */
const liveTests = (names: readonly string[], env: NodeJS.ProcessEnv, concurrency: number): Promise<number> =>
  tests(names, env, `--test-timeout=${longestTestMs}`, '--test-force-exit', `--test-concurrency=${concurrency}`)

async function withStack(run: (env: NodeJS.ProcessEnv) => Promise<number>): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'flowloom-stack-'))
  const stack = await startStack({ dataDir: dir, ports: 'free', log: text => console.log(text) })
  try {
    return await run({ FLOWLOOM_TEST_ENDPOINTS: JSON.stringify(stack.endpoints) })
  } finally {
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

const withoutBroker = ['test/unit/**/*.test.ts', 'test/property/**/*.test.ts', 'test/golden/**/*.test.ts', 'test/topology/**/*.test.ts']

/** The suites in order. */
const suites: readonly { name: string; long?: boolean; run: () => Promise<number> }[] = [
  { name: 'format', run: () => tool('prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.') },
  { name: 'lint', run: () => tool('eslint/bin/eslint.js', '--max-warnings=0', '.') },
  { name: 'types', run: () => tool('typescript/bin/tsc', '--noEmit') },
  { name: 'generated', run: () => node(['reference/generate.ts', '--check']) },
  {
    name: 'unit, property, golden, topology',
    run: () =>
      tests(
        withoutBroker.flatMap(files),
        {},
        '--experimental-test-coverage',
        ...Object.entries(coverage).map(([what, percent]) => `--test-coverage-${what}=${percent}`),
        ...['schemas', 'processors', 'producers', 'sinks', 'audit', 'aws'].map(folder => `--test-coverage-include=${folder}/**/*.ts`),
      ),
  },
  { name: 'integration', run: () => withStack(env => liveTests(files('test/integration/*.test.ts'), env, 2)) },
  { name: 'delivery', run: () => liveTests(files('test/delivery/*.test.ts'), {}, 1) },
  { name: 'speed', run: () => node(['bench/gate.ts']) },
  { name: 'long', long: true, run: () => tests(files('test/long/*.test.ts'), {}, '--test-concurrency=1') },
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
  for (const suite of wanted) {
    console.log(`\n── ${suite.name} ${'─'.repeat(Math.max(0, 70 - suite.name.length))}`)
    const startMs = performance.now()
    const code = await suite.run()
    minutes.push(
      `${suite.name.padEnd(36)}${((performance.now() - startMs) / 60_000).toFixed(2).padStart(6)} min  ${code === 0 ? 'passed' : 'FAILED'}`,
    )
    if (code !== 0) {
      console.log(`\n${minutes.join('\n')}\n\nsuites: ${minutes.length - 1} passed, 1 failed`)
      return 1
    }
  }
  console.log(`\n${minutes.join('\n')}\n\nsuites: ${minutes.length} passed, 0 failed`)
  return 0
}

process.exitCode = await main()
