import assert from 'node:assert/strict'
import { it } from 'node:test'
import { backfillTexts } from '../../../../cli/print/backfill-progress.ts'

const counts = { objects: 10, bytes: 1000, done: 4, failed: 0, archived: 0, underWay: 0, endedBytes: 0, endedLines: 0 }

it('what a backfill leaves out because it has failed is named with the command that reads it again', () => {
  const texts = (failed: number): string => backfillTexts({ kind: 'found', counts: { ...counts, failed } }).join('\n')
  assert.match(texts(3), /3 have failed, 3 are to be read\n`flowloom retry` reads again what has failed/)
  assert.doesNotMatch(texts(0), /retry/)
})
