import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTime } from '../../../cli/lookup.ts'

for (const text of ['2026-02-31', '2026-11-31T10:00:00Z', '2026-13-01', '2026-11-24T25:00Z', '2026-02-29 00:00'])
  test(`${text} is no time, and no other day is taken for it`, () => {
    assert.throws(() => parseTime(text, 'lookup'), { code: 'USAGE' })
  })

test('the 29th of February of a leap year is a day', () => {
  assert.equal(parseTime('2028-02-29', 'lookup'), Date.parse('2028-02-29T00:00Z') / 1000)
})
