// Which failures at a start are waited for.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { untilAvailable } from '../../../operations/session.ts'
import type { Log } from '../../../runtime/log.ts'

/** As kafkajs throws them. */
const kafkaError = (message: string, retriable: boolean): Error =>
  Object.assign(new Error(message), { name: 'KafkaJSProtocolError', retriable })
const log = { warn: () => undefined, debug: () => undefined } as unknown as Log
const signal = new AbortController().signal

test('a start ends while the leader of a new topic is being elected: it waits for it', async () => {
  let calls = 0
  const call = async (): Promise<string> => {
    if (++calls < 3) throw kafkaError('This server is not the leader for that topic-partition', true)
    return 'there'
  }
  assert.equal(await untilAvailable(call, log, signal, true), 'there')
  assert.equal(calls, 3)
})

test('what does not pass ends a start, and so does anything for a command that a person waits for', async () => {
  for (const [retriable, patient] of [
    [false, true],
    [true, false],
  ] as const) {
    let calls = 0
    const call = async (): Promise<never> => {
      calls++
      throw kafkaError('refused', retriable)
    }
    await assert.rejects(untilAvailable(call, log, signal, patient), { message: 'refused' })
    assert.equal(calls, 1)
  }
})
