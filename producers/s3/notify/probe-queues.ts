/** Tries the queues of the settings. */
import { isCausedByCredentials } from '../../../aws/credentials.ts'
import { attempt, type ProbeResult } from '../../../runtime/probe-result.ts'
import type { S3Settings } from '../settings.ts'
import { openQueue } from './notify-queue.ts'

/** Asks for messages that it leaves, and deletes nothing: a receipt that cannot be tells whether it would be allowed to. */
export async function probeQueues(settings: S3Settings): Promise<ProbeResult[]> {
  const results: ProbeResult[] = []
  for (const each of settings.queues) {
    const queue = openQueue(settings, each)
    const received = await attempt(queue.url, 'sqs:ReceiveMessage', () => queue.tryReceive())
    results.push(received)
    // without credentials the second question has the same answer
    if (!isCausedByCredentials(received.error)) results.push(await attempt(queue.url, 'sqs:DeleteMessage', () => queue.tryDelete()))
    queue.close()
  }
  return results
}
