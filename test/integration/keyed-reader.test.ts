/** Looking keys up with batches of our own. */
import { after } from 'node:test'
import { testKeyedReader } from '../support/keyed-lookups.ts'
import { releaseStack } from '../support/live-stack.ts'

after(() => releaseStack())

testKeyedReader(true)
