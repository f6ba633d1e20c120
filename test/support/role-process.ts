/**
 * A process with some roles, for tests that kill it: `node role-process.ts <roles>`, settings in the environment.
 * `FLOWLOOM_TEST_KILL=<point>#<n>` kills it with SIGKILL at the n-th time it comes to the point.
 */
import { flushCompileCache } from 'node:module'
import { buildParts, migrateTables, parseRoles } from '../../cli/run.ts'
import { openSession } from '../../cli/session.ts'
import { runParts } from '../../runtime/lifecycle.ts'

// a process that is killed leaves no cache behind, and its successor would compile everything again
flushCompileCache()

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
const roles = parseRoles(process.argv[2])
const [point, times] = (process.env['FLOWLOOM_TEST_KILL'] ?? '#0').split('#')
let left = Number(times)

/** Dies at the point. */
function probe(reached: string): void {
  if (reached === point && --left === 0) {
    process.stderr.write(`${JSON.stringify({ msg: 'killed at a point', point })}\n`)
    process.kill(process.pid, 'SIGKILL')
  }
}

const session = await openSession({}, stop.signal, true)
if (roles.includes('sink')) await migrateTables(session.config.clickhouse)
const { parts } = buildParts(session, roles, point === '' ? undefined : probe)
await runParts(parts, stop.signal, session.config.run.shutdownGraceMs, session.log, () => process.stdout.write('running\n'))
process.exit(0)
