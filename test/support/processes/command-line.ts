/** Runs commands of flowloom, or other programs, as processes of their own, as a user does. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { compileCache } from '../../../operations/role-processes.ts'

/** Root of the repository. */
export const root = join(import.meta.dirname, '..', '..', '..')

/** How a process ended and what it said. */
export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
  readonly ms: number
}

/** A process under way. */
export interface Running {
  readonly child: ChildProcess
  /** What it said so far. */
  readonly said: { out: string; err: string }
  readonly ended: Promise<Outcome>
}

/** Environment of this process without settings of flowloom. */
const cleanEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('FLOWLOOM_') && name !== 'NODE_TEST_CONTEXT'))

/** Starts a program at the root of the repository. */
export function startProgram(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const startMs = performance.now()
  const child = spawn(program, args, {
    cwd: root,
    env: { ...cleanEnvironment(), NODE_COMPILE_CACHE: compileCache, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()))
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ code, signal, ...said, ms: performance.now() - startMs }))
  })
  return { child, said, ended }
}

/** Starts `flowloom <args>`. */
export const startFlowloom = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Running =>
  startProgram(process.execPath, ['--no-warnings', 'main.ts', ...args], env)

/** Runs `flowloom <args>` to its end. */
export const flowloom = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
  startFlowloom(args, env).ended
