/** Words of a command line as a newcomer would mistype them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backfillCommand, parseRange } from '../../../../cli/backfill.ts'
import { parseCommandLine } from '../../../../cli/arguments/command.ts'
import { coverageCommand } from '../../../../cli/coverage.ts'
import { retryCommand } from '../../../../cli/retry.ts'

for (const { command, args, message } of [
  {
    command: retryCommand,
    args: ['--prefx', 'a'],
    message: /there is no option --prefx: did you mean --prefix\?; see `flowloom retry --help`/,
  },
  { command: retryCommand, args: ['--dryrun'], message: /did you mean --dry-run\?/ },
  { command: backfillCommand, args: ['--form', '2026-11-01'], message: /did you mean --from\?/ },
  { command: coverageCommand, args: ['--flowlog', 'fl-1'], message: /did you mean --flow-log\?/ },
  { command: coverageCommand, args: ['--xyzzy'], message: /there is no option --xyzzy; see/ },
  { command: coverageCommand, args: ['-x'], message: /there is no option -x; see/ },
  { command: retryCommand, args: ['--prefix'], message: /argument missing/ },
])
  test(`an option that there is not: ${command.name} ${args.join(' ')}`, () => {
    assert.throws(() => parseCommandLine(command, args), { code: 'USAGE', message })
  })

for (const [words, message] of [
  ['arn:aws:s3:::logs/net', /write s3:\/\/logs\/net;/],
  ['https://logs.s3.eu-west-1.amazonaws.com/net/', /write s3:\/\/logs\/net;/],
  ['logs/net', /write s3:\/\/logs\/net;/],
  ['logs', /is not one of s3:\/\/bucket or s3:\/\/bucket\/prefix;/],
] as const)
  test(`backfill says what to write for ${words}`, () => {
    assert.throws(() => parseRange({ positionals: [words], values: { from: '2026-11-01' } }, 0), { code: 'USAGE', message })
  })
