/** What a task of a benchmark gets in the place of Kafka: nothing is sent, kept or found. */
import type { Codecs } from '../runtime/avro.ts'
import { createLog } from '../runtime/log.ts'
import type { TaskContext } from '../runtime/task.ts'

/**
 * Makes it.
 *
 * @param nowMs The clock, Unix milliseconds.
 */
export const taskContext = (codecs: Codecs, nowMs: () => number): TaskContext => ({
  partition: 0,
  name: 'bench',
  log: createLog('silent'),
  codecs,
  signal: new AbortController().signal,
  partitionsOf: () => 1,
  send: async () => undefined,
  sendAll: async () => undefined,
  commit: async () => undefined,
  lookUp: async (_topic, keys) => keys.map(() => null),
  greatestGroup: async () => undefined,
  sideTable: () => {
    throw new TypeError('no side tables here')
  },
  nowMs,
})
