/**
 * `flowloom replay` as a process that a test can kill: live settings in the environment, the request as JSON in the first argument.
 * `FLOWLOOM_TEST_KILL=<point>#<n>` kills it with SIGKILL at the n-th time it comes to the point.
 */
import { findReplay, type ReplayRequest } from '../../../operations/replay/find-replay.ts'
import { replay } from '../../../operations/replay/replay.ts'
import { loadConfig } from '../../../config/config.ts'

const [point, times] = (process.env['FLOWLOOM_TEST_KILL'] ?? '#0').split('#')
let left = Number(times)
const request = JSON.parse(process.argv[2] ?? '{}') as ReplayRequest

const listener = { begun: () => undefined, progress: () => undefined, left: () => undefined }
const found = await findReplay(loadConfig(), request, 'run')
if ('refusal' in found) throw new Error(found.refusal.reason)
await replay(found, request, listener, new AbortController().signal, reached => {
  if (reached === point && --left === 0) process.kill(process.pid, 'SIGKILL')
})
process.exit(0)
