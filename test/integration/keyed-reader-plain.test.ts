/** Looking keys up with ordinary batches. */
import { after } from 'node:test'
import { testKeyedReader } from '../support/kafka/keyed-lookups.ts'
import { releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

testKeyedReader(false)
