import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTime } from '../../../../cli/arguments/times.ts'

for (const text of ['2026-02-31', '2026-11-31T10:00:00Z', '2026-13-01', '2026-11-24T25:00Z', '2026-02-29 00:00'])
  test(`${text} is no time, and no other day is taken for it`, () => {
    assert.throws(() => parseTime(text, 'lookup'), { code: 'USAGE' })
  })

test('the 29th of February of a leap year is a day', () => {
  assert.equal(parseTime('2028-02-29', 'lookup'), Date.parse('2028-02-29T00:00Z') / 1000)
})

test('a time is read in every usual form, as UTC where no zone is given', () => {
  const expected = Date.parse('2023-07-26T00:00:10Z') / 1000
  for (const text of [
    '2023-07-26T00:00:10Z',
    '2023-07-26T00:00:10',
    '2023-07-26 00:00:10',
    '2023-07-26t00:00:10.9z',
    '2023-07-26T02:00:10+02:00',
    String(expected),
  ])
    assert.equal(parseTime(text, 'lookup'), expected, text)
  assert.equal(parseTime('2023-07-26', 'lookup'), expected - 10)
  assert.equal(parseTime('2024-02-29', 'lookup'), Date.UTC(2024, 1, 29) / 1000)
  for (const text of ['2023-02-29', '2023-02-30T10:00Z', '2023-04-31 10:00', '2023-13-01', '2023-00-10', '2023-07-26T25:00'])
    assert.throws(() => parseTime(text, 'lookup'), { code: 'USAGE' }, text)
  assert.equal(parseTime('2023-07-26T00:01', 'lookup'), expected + 50)
})
