/** A supervisor of role processes for tests: starts them, kills them, starts them again, and counts what they say. */
import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { compileCache } from '../operations/role-processes.ts'
import { environmentName, type RawConfig } from '../config/config.ts'

/** Settings as environment variables. */
export function settingsEnvironment(settings: RawConfig): Record<string, string> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([section, values]) =>
      Object.entries(values)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => {
          const list = Array.isArray(value) && value.every(item => typeof item === 'string')
          return [
            environmentName(section, key),
            list ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value),
          ] as const
        }),
    ),
  )
}

/** One process slot: the same roles under the same stable name, whatever happens to its process. */
class Slot {
  readonly roles: string
  readonly name: string
  /** Where its first process stops itself. */
  stopAt: string | undefined
  child: ChildProcess | undefined
  /** Port of its metrics, while it runs. */
  port: number | undefined
  wanted = true
  constructor(roles: string, name: string, stopAt: string | undefined) {
    this.roles = roles
    this.name = name
    this.stopAt = stopAt
  }
}

/** Role processes of one deployment, each in a slot that gets a new process when the old one dies. */
export class Fleet {
  readonly #env: Record<string, string>
  readonly #slots: Slot[] = []
  readonly #said = new Map<string, number>()
  readonly #supervisors: Promise<void>[] = []
  /** Last lines of all processes, to explain a failure. */
  readonly tail: string[] = []
  /** Told of each log line. */
  heard: (line: Readonly<Record<string, unknown>>) => void = () => undefined
  kills = 0
  pointKills = 0
  #armed: string | undefined

  constructor(settings: RawConfig) {
    this.#env = settingsEnvironment(settings)
  }

  /**
   * Adds a slot and keeps a process in it.
   *
   * @param stopAt `<point>#<n>`, several with commas: its first process stops itself with SIGSTOP at one after the other.
   */
  add(roles: string, name: string, stopAt?: string): void {
    const slot = new Slot(roles, name, stopAt)
    this.#slots.push(slot)
    this.#supervisors.push(this.#supervise(slot))
  }

  /** How often a log message was said, over all processes so far. @param code Only those with this error code. */
  said(message: string, code?: string): number {
    return this.#said.get(code === undefined ? message : `${message} ${code}`) ?? 0
  }

  /** Sum of a metric over the labels that fit and all processes that answer now. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const texts = await Promise.all(
      this.#slots.map(async ({ port }) =>
        port === undefined
          ? ''
          : fetch(`http://127.0.0.1:${port}/metrics`).then(
              answer => answer.text(),
              () => '',
            ),
      ),
    )
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    return texts
      .flatMap(text => text.split('\n'))
      .filter(line => /^\w+/.exec(line)?.[0] === name && wanted.every(label => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
  }

  /** Process id of a slot now. @param roles Its roles. */
  pidOf(roles: string): number | undefined {
    return this.#slots.find(slot => slot.roles === roles)?.child?.pid
  }

  /** True if the process of every slot has said that its roles run. */
  get allRun(): boolean {
    return this.#slots.every(slot => slot.port !== undefined)
  }

  /** Process ids now. */
  get pids(): number[] {
    return this.#slots.flatMap(slot =>
      slot.child?.pid !== undefined && slot.child.exitCode === null && slot.child.signalCode === null ? [slot.child.pid] : [],
    )
  }

  async #supervise(slot: Slot): Promise<void> {
    while (slot.wanted) {
      const kill = this.#armed?.startsWith(`${slot.roles}|`) ? this.#armed.slice(slot.roles.length + 1) : undefined
      if (kill !== undefined) this.#armed = undefined
      const child = spawn(process.execPath, ['--no-warnings', join(import.meta.dirname, 'role-process.ts'), slot.roles], {
        env: {
          ...process.env,
          NODE_COMPILE_CACHE: compileCache,
          ...this.#env,
          FLOWLOOM_KAFKA_SLOT: slot.name,
          ...(kill === undefined ? {} : { FLOWLOOM_TEST_KILL: kill }),
          ...(slot.stopAt === undefined ? {} : { FLOWLOOM_TEST_STOP: slot.stopAt }),
        },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      slot.stopAt = undefined
      slot.child = child
      slot.port = undefined
      let rest = ''
      child.stderr.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n')
        rest = lines.pop()!
        for (const line of lines) this.#hear(slot, line)
      })
      await new Promise<void>(resolve => child.on('close', () => resolve()))
      await sleep(200)
    }
  }

  #hear(slot: Slot, line: string): void {
    this.tail.push(`${slot.name}: ${line}`)
    if (this.tail.length > 400) this.tail.shift()
    try {
      const parsed = JSON.parse(line) as Readonly<Record<string, unknown>>
      const { msg, code, port } = parsed as { msg?: string; code?: string; port?: number }
      this.heard(parsed)
      if (msg === 'killed at a point') this.pointKills++
      if (msg === 'running') slot.port = port
      for (const text of code === undefined ? [msg] : [msg, `${msg} ${code}`])
        if (text !== undefined) this.#said.set(text, (this.#said.get(text) ?? 0) + 1)
    } catch {
      // Not a log line; it stays in the tail.
    }
  }

  /** True if the process of a slot is stopped by a signal. */
  isStopped(name: string): boolean {
    const pid = this.#slots.find(slot => slot.name === name)?.child?.pid
    try {
      return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
    } catch {
      return false
    }
  }

  /** Continues the process of a slot that stopped itself. */
  resume(name: string): void {
    this.#slots.find(slot => slot.name === name)?.child?.kill('SIGCONT')
  }

  /** Kills the process of a slot with SIGKILL. @param which Its roles, or its number. */
  kill(which: number | string): void {
    const index = typeof which === 'string' ? this.#slots.findIndex(slot => slot.roles === which) : which
    const slot = this.#slots[index % this.#slots.length]!
    if (slot.child?.exitCode === null && slot.child.signalCode === null) {
      slot.child.kill('SIGKILL')
      this.kills++
    }
  }

  /**
   * Kills the process of a role set and lets its successor die at a point, then waits for that.
   *
   * @param point `<point>#<n>`: at the n-th time.
   * @param timeoutMs Goes on after this time even if the point was not reached.
   */
  async killAtPoint(roles: string, point: string, timeoutMs: number): Promise<void> {
    const before = this.pointKills
    this.#armed = `${roles}|${point}`
    this.kill(roles)
    for (const endMs = Date.now() + timeoutMs; this.pointKills === before && Date.now() < endMs;) await sleep(50)
  }

  /** Stops all processes: SIGTERM, then SIGKILL after the given time. */
  async stop(graceMs = 15_000): Promise<void> {
    for (const slot of this.#slots) {
      slot.wanted = false
      slot.child?.kill('SIGTERM')
    }
    const timer = setTimeout(() => {
      for (const slot of this.#slots) slot.child?.kill('SIGKILL')
    }, graceMs)
    await Promise.all(this.#supervisors)
    clearTimeout(timer)
  }
}
