/** Section `ipContext`: how long the cloud map remembers. */
import { z } from 'zod'
import { whole } from '../../runtime/setting-types.ts'

/** Its settings. */
export const ipContextSection = z.strictObject({
  horizonS: whole(
    'Days of an address that end longer before its newest sighting leave its entry; late data for them is looked up in cloud-map-days.',
    60,
  ).default(2 * 86_400),
  overlapS: whole('Two owners seen at once for longer than this are a conflict.', 0).default(120),
  idleDays: whole('Addresses that nobody was seen with for so many days (stream time) leave the state and cloud-map.', 1).default(30),
  historyDays: whole('Sightings that are more days older than the newest one of their partition change nothing; 0 takes all.').default(0),
  maxStateBytes: z
    .int()
    .min(4096)
    .max(800_000)
    .describe('Of an entry that grows beyond this the oldest days leave early, and are counted; the newest one stays.')
    .default(524_288),
})
