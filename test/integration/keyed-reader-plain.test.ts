/** Looking keys up with ordinary batches. */
import { after } from 'node:test'
import { testKeyedReader } from '../support/keyed-lookups.ts'
import { releaseStack } from '../support/live-stack.ts'

after(() => releaseStack())

testKeyedReader(false)
