/** What passes between the consumer of a process and the runners of its partitions. */
import type { InBatch } from '../records.ts'

/** Fetched but not yet processed, as it came from kafkajs. */
export interface Fetched {
  /** Decodes records, or hands over slabs, from the given offset on. */
  decode(from: number, slabs: boolean): Promise<InBatch>
  /** Where the fetch began. */
  readonly fetchedOffset: number
  readonly nextOffset: number
}

/** What the runner needs of the consumer. All calls are about its own partition. */
export interface Feed {
  seekInput(offset: number): void
  seekState(offset: number): void
  pauseInput(): void
  resumeInput(): void
  resumeState(): void
  pauseState(): void
}
