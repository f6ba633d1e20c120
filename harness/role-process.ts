/**
 * A process with some roles, for tests that kill it: `node role-process.ts <roles>`, settings in the environment.
 * `FLOWLOOM_TEST_KILL=<point>#<n>` kills it with SIGKILL at the n-th time it comes to the point; `FLOWLOOM_TEST_STOP`, a list of such
 * with commas, stops it with SIGSTOP at one after the other, each until somebody continues it. It says where its metrics are once it runs.
 */
import { flushCompileCache } from 'node:module'
import { parseRoles } from '../cli/run.ts'
import { buildParts } from '../operations/run-roles.ts'
import { openSession } from '../operations/session.ts'
import { runParts } from '../runtime/lifecycle.ts'
import { migrateTables } from '../sinks/clickhouse/clickhouse-part.ts'

// a process that is killed leaves no cache behind, and its successor would compile everything again
flushCompileCache()

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort())
const roles = parseRoles(process.argv[2])
const kill = process.env['FLOWLOOM_TEST_KILL']
const places = (kill ?? process.env['FLOWLOOM_TEST_STOP'] ?? '').split(',').filter(Boolean)
let left = timesOf(places[0])

function timesOf(place: string | undefined): number {
  return Number(place?.split('#')[1] ?? 1)
}

/** Dies or stops at the next place of the list. */
function atPoint(reached: string): void {
  const [place] = places
  if (place?.split('#')[0] !== reached || --left > 0) return
  places.shift()
  left = timesOf(places[0])
  process.stderr.write(`${JSON.stringify({ msg: kill === undefined ? 'stopped at a point' : 'killed at a point', point: reached })}\n`)
  process.kill(process.pid, kill === undefined ? 'SIGSTOP' : 'SIGKILL')
}

const session = await openSession({}, stop.signal, true)
if (roles.includes('clickhouse')) await migrateTables(session.config.clickhouse)
const { parts, health } = buildParts(session, roles, places.length === 0 ? undefined : atPoint)
await runParts(parts, stop.signal, session.config.run.shutdownGraceMs, session.log, () =>
  process.stderr.write(`${JSON.stringify({ msg: 'running', port: health.port })}\n`),
)
process.exit(0)
