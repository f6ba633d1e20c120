/** Objects of 300 MB are read in bounded memory, one of them a single line; a gigabyte in test/long. */
import { after, test } from 'node:test'
import { releaseStack } from '../../harness/live-stack.ts'
import { readLargeObjects } from '../support/runs/large-objects.ts'

after(() => releaseStack())

test('reads 300 MB of lines and a line of 300 MB in chunks, in bounded memory', { timeout: 180_000 }, t =>
  readLargeObjects(t, { textBytes: 300_000_000, limitMiB: 400, timeoutMs: 120_000 }),
)
