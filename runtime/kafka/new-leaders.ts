/** Patience with partitions that were just made, or whose leader has just moved. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Answers of a broker that does not know a partition yet, or does not lead it. */
const newLeaderErrors: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'REPLICA_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
])

const againMs = 100

/** How long, and what to do before each further attempt. */
export interface LeaderPatience {
  /** Attempts, 100 ms apart; default 100. */
  readonly attempts?: number
  /** Asks anew who leads what. Its own error is final. Default: nothing. */
  readonly refresh?: () => Promise<void>
}

/**
 * Asks until the brokers know their partitions. Just after topics were made, a broker may be named as leader before it knows that it is.
 *
 * @throws The last error once the attempts are over, any other error at once.
 */
export async function whenLeading<T>(ask: () => Promise<T>, { attempts = 100, refresh }: LeaderPatience = {}): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (attempt >= attempts || !newLeaderErrors.has((error as { type?: string }).type ?? '')) throw error
      await sleep(againMs)
      await refresh?.()
    }
  }
}
