/** Objects of a gigabyte of text are read in the same bounded memory as those of 100 MB. FLOWLOOM_TEST_TEXT_BYTES shortens it for a trial. */
import { after, test } from 'node:test'
import { readLargeObjects } from '../support/runs/large-objects.ts'
import { releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

const textBytes = Number(process.env['FLOWLOOM_TEST_TEXT_BYTES'] ?? 1_000_000_000)

test('reads a gigabyte of lines and a line of a gigabyte in chunks, in bounded memory', { timeout: 1_800_000 }, t =>
  readLargeObjects(t, { textBytes, limitMiB: 400, timeoutMs: 1_500_000 }),
)
