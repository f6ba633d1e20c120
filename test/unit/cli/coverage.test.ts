// The options of `flowloom coverage`; the clock is an argument.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { coverageCommand, parseCoverageOptions, type CoverageOptions } from '../../../cli/coverage.ts'
import { parseCommandLine } from '../../../cli/arguments/command.ts'

const nowS = Date.parse('2026-11-24T12:03:07Z') / 1000
const parse = (...args: string[]): CoverageOptions => parseCoverageOptions(parseCommandLine(coverageCommand, args).values, nowS)
const s = (text: string): number => Date.parse(text) / 1000

describe('the options of coverage', () => {
  it('are the last day in whole slots, where none is given', () => {
    assert.deepEqual(parse(), {
      at: null,
      from: s('2026-11-23T12:05:00Z'),
      to: s('2026-11-24T12:05:00Z'),
      interfaceId: null,
      account: '',
      region: '',
      flowLogs: [],
      lateS: 900,
      everyS: 300,
      windowS: null,
      notDue: s('2026-11-24T11:40:00Z'),
      endedAfterS: 7 * 86_400,
      asked: 'accepted',
    })
  })

  it('widen a time to whole slots', () => {
    const { from, to } = parse('--from', '2026-11-24T10:01:00Z', '--to', '2026-11-24T10:09')
    assert.deepEqual([from, to], [s('2026-11-24T10:00:00Z'), s('2026-11-24T10:10:00Z')])
  })

  it('are read', () => {
    const words =
      '--interface eni-1 --at 1763978400 --flow-log fl-a --flow-log fl-b --late 0 --grace 5 --window 1 --every 10 --account 1 --region r'
    const { at, interfaceId, flowLogs, lateS, windowS, everyS, notDue, account, region } = parse(...words.split(' '))
    assert.deepEqual(
      [at, interfaceId, flowLogs, lateS, windowS, everyS, notDue, account, region],
      [1_763_978_400, 'eni-1', ['fl-a', 'fl-b'], 0, 60, 600, s('2026-11-24T11:55:00Z'), '1', 'r'],
    )
  })

  it('say after how many days without an object a flow log has ended', () => {
    assert.deepEqual([parse('--ended-after', '30').endedAfterS, parse('--ended-after', '0').endedAfterS], [30 * 86_400, 0])
  })

  const wrong: readonly { words: string; message: RegExp }[] = [
    { words: '--at 1763978400', message: /--at goes with --interface/ },
    { words: '--interface eni-1 --at 1763978400 --to 1763978400', message: /say --at, or --from and --to/ },
    {
      words: '--from 2026-11-24T12:00:00Z --to 2026-11-24T12:00:00Z',
      message: /--from 2026-11-24T12:00:00Z must be before --to 2026-11-24T12:00:00Z/,
    },
    { words: '--from yesterday', message: /--from "yesterday" is not a time/ },
    { words: '--from 2026-11-25', message: /--from 2026-11-25T00:00:00Z is in the future; now it is 2026-11-24T12:03:07Z/ },
    { words: '--to 2106-02-07', message: /--to 2106-02-07T00:00:00Z is in the future/ },
    { words: '--interface eni-1 --at 1970-01-01', message: /--at 1970-01-01T00:00:00Z is before 2006/ },
    { words: '--interface eni-1 --at 2026-11-24', message: /--at 2026-11-24 is a day; say which second of it: 2026-11-24T14:00:00Z, or/ },
    { words: '--late soon', message: /--late takes whole minutes, not "soon"/ },
    { words: '--grace=-5', message: /--grace takes whole minutes/ },
    { words: '--window 5', message: /--window takes 1 or 10/ },
    { words: '--action accept', message: /--action takes ACCEPT, REJECT, both, any, not "accept"/ },
    { words: '--every 7', message: /--every takes 5, 10, 15/ },
    { words: '--every 0', message: /--every takes 5, 10, 15/ },
    { words: '--ended-after 1.5', message: /--ended-after takes whole days, not "1.5"/ },
    { words: '--interface=', message: /--interface takes an interface id/ },
    { words: '--frob', message: /there is no option --frob/ },
  ]
  for (const { words, message } of wrong)
    it(`refuse ${words}`, () => {
      assert.throws(() => parse(...words.split(' ')), { code: 'USAGE', message })
    })
})
