/** What a process has to do with the one that started it: it says that it runs, and ends when the other is gone. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Message of a process to the one that watches it: its parts have started, and its page is at this port of 127.0.0.1. */
export interface RunningMessage {
  readonly kind: 'running'
  readonly port: number
}

/** Tells the process that watches this one, if there is one. */
export function tellRunning(port: number): void {
  if (process.connected) process.send?.({ kind: 'running', port } satisfies RunningMessage)
}

const lookEveryMs = 1000

/** Parent and name of a process; undefined if it is gone. */
function look(pid: number): { parent: number; name: string } | undefined {
  try {
    // behind the name, which stands in brackets and may hold anything: the state and the parent
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(parent), name: stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')) }
  } catch {
    return process.platform === 'linux' ? undefined : ask(pid)
  }
}

function ask(pid: number): { parent: number; name: string } | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const [, parent, name] = /^\s*(\d+)\s+(\S+)/.exec(text) ?? []
    return parent === undefined ? undefined : { parent: Number(parent), name: name!.split('/').at(-1)! }
  } catch {
    return undefined
  }
}

/** True for a program that stands between npm and what it runs, and passes no signal on. */
const isShell = (name: string): boolean => /^-?(sh|ash|dash|bash|zsh|ksh|busybox)$/.test(name)

/**
 * Calls once when the process that this one belongs to is gone, however it ended: the one that watches it, or npm.
 *
 * A process that was started in a shell or by a service manager belongs to nobody: it outlives its parent, as `nohup` wants it.
 */
export function whenParentIsGone(gone: () => void): void {
  let told = false
  const tell = (): void => {
    if (!told) gone()
    told = true
  }
  if (process.channel !== undefined) {
    process.once('disconnect', tell)
    // to listen must not keep a process alive that has ended its work
    process.channel.unref()
    return
  }
  // it was gone before anybody listened
  if (process.send !== undefined) {
    tell()
    return
  }
  if (process.env['npm_command'] === undefined) return
  const parent = process.ppid
  const first = look(parent)
  const shellOf = first !== undefined && isShell(first.name) ? first.parent : undefined
  const timer = setInterval(() => {
    // a look that fails says nothing: without its parent this process has another one
    const hasNpm = shellOf === undefined || (look(parent)?.parent ?? shellOf) === shellOf
    if (process.ppid === parent && hasNpm) return
    clearInterval(timer)
    tell()
  }, lookEveryMs)
  timer.unref()
}
