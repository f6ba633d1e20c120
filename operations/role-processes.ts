/** Roles as processes of their own, as in production. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ownFile, ownScript } from '../runtime/own-files.ts'

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>(resolve => server.close(() => resolve()))
  return port
}

/** Where Node keeps what it compiled of the sources (types stripped): processes start in half the time, and parse a tenth faster. */
export const compileCache = ownFile('../.flowloom/compile-cache', import.meta.url)

/** One running process. */
interface RoleProcess {
  readonly roles: string
  readonly port: number
  readonly child: ChildProcess
}

/** Values of a Prometheus text page, summed over labels. */
export function sumMetrics(text: string): Map<string, number> {
  const sums = new Map<string, number>()
  for (const line of text.split('\n')) {
    const match = /^([a-z_]+)(?:\{[^}]*\})? (\S+)$/.exec(line)
    if (match !== null) sums.set(match[1]!, (sums.get(match[1]!) ?? 0) + Number(match[2]))
  }
  return sums
}

/** Starts a process for each set of roles, and stops them together. */
export class RoleProcesses {
  readonly #processes: RoleProcess[] = []
  readonly #tail: string[] = []
  readonly #main: string
  #stopping = false
  /** Rejects when a process ends that should not. */
  readonly failed: Promise<never>
  #fail!: (error: Error) => void

  /** @param main Entry point of flowloom; default this one. */
  constructor(main = fileURLToPath(ownScript('../main.ts', import.meta.url))) {
    this.#main = main
    this.failed = new Promise<never>((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => undefined)
    // they have process groups of their own: nothing else ends them where this process ends early
    process.once('exit', this.#onExit)
  }

  readonly #onExit = (): void => {
    for (const { child } of this.#processes) if (child.exitCode === null) child.kill('SIGTERM')
  }

  /** Starts one process for each list of roles. */
  async start(roleLists: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
    for (const roles of roleLists) {
      const port = await freePort()
      const child = spawn(process.execPath, ['--no-warnings', this.#main, 'run', '--roles', roles], {
        env: { NODE_COMPILE_CACHE: compileCache, ...env, PATH: '/usr/bin:/bin', FLOWLOOM_HTTP_PORT: String(port) },
        // it ends with this process, however that ends
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        detached: true,
      })
      child.stderr!.on('data', (chunk: Buffer) => {
        this.#tail.push(...chunk.toString().split('\n').filter(Boolean))
        this.#tail.splice(0, this.#tail.length - 20)
      })
      child.on('exit', code => {
        if (!this.#stopping) this.#fail(new Error(`the process of ${roles} ended with ${code ?? 'a signal'}:\n${this.#tail.join('\n')}`))
      })
      this.#processes.push({ roles, port, child })
    }
  }

  /** Metrics of all processes, summed. Processes that do not answer yet count nothing. */
  async metrics(): Promise<Map<string, number>> {
    const sums = new Map<string, number>()
    for (const { port } of this.#processes) {
      const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
        response => response.text(),
        () => '',
      )
      for (const [name, value] of sumMetrics(text)) sums.set(name, (sums.get(name) ?? 0) + value)
    }
    return sums
  }

  /** Process ids, in the order of their start. */
  get pids(): number[] {
    return this.#processes.map(({ child }) => child.pid!)
  }

  /** Where the metrics of each process are. */
  get urls(): string[] {
    return this.#processes.map(({ roles, port }) => `${roles}: http://127.0.0.1:${port}/metrics`)
  }

  /** Ends all processes, and those that do not go after 20 s by force. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(
      this.#processes.map(async ({ child }) => {
        if (child.exitCode !== null || child.signalCode !== null) return
        const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
        child.kill('SIGTERM')
        const late = new AbortController()
        await Promise.race([
          gone,
          sleep(20_000, undefined, { signal: late.signal }).then(
            () => child.kill('SIGKILL'),
            () => undefined,
          ),
        ])
        late.abort()
        await gone
      }),
    )
    process.off('exit', this.#onExit)
  }
}
