/** Arrivals as records of `object-arrivals`: the one way in which discover, notify and the commands announce objects. */
import type { Codecs } from '../../../runtime/avro.ts'
import { partitionOf } from '../../../runtime/partition.ts'
import type { SourceContext } from '../../../runtime/task.ts'
import type { ObjectArrival, ObjectKey } from '../../../schemas/records.ts'
import { topics } from '../../../schemas/topics.ts'

/** An object and what is said of it. */
export interface Announcement {
  readonly key: ObjectKey
  readonly arrival: ObjectArrival
}

/** Encodes announcements, by partition. */
export function arrivalRecords(
  { objectArrivals }: Pick<Codecs, 'objectArrivals'>,
  partitions: number,
  announcements: readonly Announcement[],
): Map<number, { key: Buffer; value: Buffer }[]> {
  const records = announcements.map(({ key, arrival }) => ({
    key: objectArrivals.encodeKey(key),
    value: objectArrivals.encodeValue(arrival),
  }))
  return Map.groupBy(records, ({ key }) => partitionOf(key, partitions))
}

/** Announces objects for a source. Resolves when Kafka has them; announcing an object twice does no harm. */
export async function announceArrivals(context: SourceContext, announcements: readonly Announcement[]): Promise<void> {
  const partitions = context.partitionsOf(topics.objectArrivals)
  for (const [partition, records] of arrivalRecords(context.codecs, partitions, announcements))
    await context.send(topics.objectArrivals, partition, records)
}
