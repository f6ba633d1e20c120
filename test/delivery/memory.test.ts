/** Objects of 100 MB are read in bounded memory, one of them a single line; a gigabyte in test/long. */
import { after, test } from 'node:test'
import { releaseStack } from '../support/live-stack.ts'
import { readLargeObjects } from '../support/large-objects.ts'

after(() => releaseStack())

test('reads 100 MB of lines and a line of 100 MB in chunks, in bounded memory', { timeout: 180_000 }, t =>
  readLargeObjects(t, { textBytes: 100_000_000, limitMiB: 400, timeoutMs: 120_000 }),
)
