/** Looking keys up with batches of our own. */
import { after } from 'node:test'
import { testKeyedReader } from '../support/kafka/keyed-lookups.ts'
import { releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

testKeyedReader(true)
