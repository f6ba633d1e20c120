/**
 * `flowloom dead-letters replay` as a process that a test can kill: settings in the environment, options as JSON in the first argument.
 * `FLOWLOOM_TEST_KILL=<point>#<n>` kills it with SIGKILL at the n-th time it comes to the point. Prints the report as JSON.
 */
import { anyLetter } from '../../../operations/dead-letters/letters.ts'
import { sendBack, type SendBackOptions } from '../../../operations/dead-letters/send-back.ts'
import { openSession } from '../../../operations/session.ts'

const [point, times] = (process.env['FLOWLOOM_TEST_KILL'] ?? '#0').split('#')
let left = Number(times)
const given = JSON.parse(process.argv[2] ?? '{}') as Partial<SendBackOptions>

const session = await openSession({}, new AbortController().signal)
const report = await sendBack(session, {
  filter: anyLetter,
  force: false,
  maxAttempts: 3,
  dryRun: false,
  ...given,
  atPoint: reached => {
    if (reached === point && --left === 0) process.kill(process.pid, 'SIGKILL')
  },
})
console.log(JSON.stringify(report))
await session.cluster.close()
process.exit(0)
