import assert from 'node:assert/strict'
import { it } from 'node:test'
import { progressLine } from '../../../../cli/print/demo-text.ts'

const nothing = { seconds: 7, objects: 0, expected: 12, complete: false, lines: 0, rows: 0, rowsPerSecond: 0, lag: 0 }

it('the demo says what it waits for until something was read, and the lag from then on', () => {
  assert.equal(progressLine(nothing), '   7 s  objects 0 of 12+  waiting: processes start, load the lookup tables and join their groups')
  for (const some of [{ objects: 1 }, { lines: 1 }, { rows: 1 }, { lag: 1 }])
    assert.match(progressLine({ ...nothing, ...some }), /lines \d+ {2}in the table \d+ {2}0 rows\/s {2}lag \d+$/)
})
