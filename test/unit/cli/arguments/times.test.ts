import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseSecond, parseTimeRange, parseTime } from '../../../../cli/arguments/times.ts'
import { flowErrorOf } from '../../../../runtime/errors.ts'

const nowS = Date.parse('2026-11-30T15:00:00Z') / 1000
const read = (text: string, now = nowS): number => parseTime(text, { command: 'lookup', option: 'at', nowS: now })

for (const text of ['2026-02-31', '2026-11-31T10:00:00Z', '2026-13-01', '2026-11-24T25:00Z', '2026-02-29 00:00'])
  test(`${text} is not a time, and no other day is taken for it`, () => {
    assert.throws(() => read(text), { code: 'USAGE', message: /--at ".*" is not a time/ })
  })

test('the 29th of February of a leap year is a day', () => {
  assert.equal(read('2024-02-29'), Date.parse('2024-02-29T00:00Z') / 1000)
})

test('a time is read in every usual form, as UTC if no zone is given', () => {
  const expected = Date.parse('2023-07-26T00:00:10Z') / 1000
  for (const text of [
    '2023-07-26T00:00:10Z',
    '2023-07-26T00:00:10',
    '2023-07-26 00:00:10',
    '2023-07-26t00:00:10.9z',
    '2023-07-26T02:00:10+02:00',
    String(expected),
  ])
    assert.equal(read(text), expected, text)
  assert.equal(read('2023-07-26'), expected - 10)
  for (const text of ['2023-02-29', '2023-02-30T10:00Z', '2023-04-31 10:00', '2023-13-01', '2023-00-10', '2023-07-26T25:00'])
    assert.throws(() => read(text), { code: 'USAGE' }, text)
  assert.equal(read('2023-07-26T00:01'), expected + 50)
})

describe('a time that cannot be meant', () => {
  const wrong: readonly [string, RegExp][] = [
    ['2026-11-30T15:00:01Z', /--at 2026-11-30T15:00:01Z is in the future; now it is 2026-11-30T15:00:00Z/],
    ['2026-11-30T15:30:00+00:00', /in the future/],
    [String(nowS + 1), /in the future/],
    ['9999-01-01', /--at 9999-01-01T00:00:00Z is in the future/],
    ['2005-12-31T23:59:59Z', /--at 2005-12-31T23:59:59Z is before 2006/],
    ['0001-01-01', /--at 0001-01-01T00:00:00Z is before 2006/],
  ]
  for (const [text, message] of wrong) test(text, () => assert.throws(() => read(text), { code: 'USAGE', message }))
  test('now, and the first second of 2006, are times', () => {
    assert.deepEqual([read('2026-11-30T15:00:00Z'), read('2006-01-01')], [nowS, Date.UTC(2006, 0) / 1000])
    assert.equal(read('2026-11-30T15:00:00Z', nowS + 0.5), nowS)
  })
})

test('a day alone is not a second, and the message says what to write', () => {
  const second = (text: string): number => parseSecond(text, { command: 'lookup', option: 'at', nowS })
  assert.throws(() => second('2026-11-29'), { code: 'USAGE', message: /--at 2026-11-29 is a day; say which second of it: 2026-11-29T14:00:00Z, or 2026-11-29T00:00:00Z for midnight/ }) // prettier-ignore
  assert.throws(() => second('2026-12-01'), { code: 'USAGE', message: /in the future/ })
  assert.throws(() => second('2026-02-31'), { code: 'USAGE', message: /is not a time/ })
  for (const text of ['2026-11-29T00:00', '2026-11-29T00:00:00Z', String(nowS)]) assert.equal(second(text), read(text))
})

describe('from and to', () => {
  const range = (from: string | undefined, to: string | undefined, wholeDays = false): unknown =>
    parseTimeRange({ from, to }, { command: 'audit', nowS }, wholeDays)
  const s = (text: string): number => Date.parse(text) / 1000
  test('are undefined if they are not given', () => {
    assert.deepEqual(range(undefined, undefined), { fromS: undefined, toS: undefined })
    assert.deepEqual(range('2026-11-29', undefined), { fromS: s('2026-11-29'), toS: undefined })
    assert.deepEqual(range(undefined, '2026-11-29'), { fromS: undefined, toS: s('2026-11-29') })
  })
  test('a whole day as the end goes to its own end, a time to itself', () => {
    assert.deepEqual(range('2026-11-30', '2026-11-30', true), { fromS: s('2026-11-30'), toS: s('2026-12-01') })
    assert.deepEqual(range('2026-11-30', '2026-11-30T01:00Z', true), { fromS: s('2026-11-30'), toS: s('2026-11-30T01:00Z') })
  })
  test('the message names the argument', () => {
    const message = (from: string | undefined, to: string | undefined): string => {
      try {
        range(from, to)
      } catch (error) {
        return flowErrorOf(error)!.message
      }
      return ''
    }
    assert.match(message('2026-12-01', undefined), /--from 2026-12-01T00:00:00Z is in the future/)
    assert.match(message('2026-11-01', '2026-12-01'), /--to 2026-12-01T00:00:00Z is in the future/)
    assert.match(message('2026-11-20', '2026-11-19'), /--from 2026-11-20T00:00:00Z must be before --to 2026-11-19T00:00:00Z/)
    assert.match(message('2026-11-20', '2026-11-20'), /must be before/)
    assert.match(message('2026-11-30T15:00:00Z', undefined), /--from 2026-11-30T15:00:00Z must be before --to, which is now/)
  })
})
