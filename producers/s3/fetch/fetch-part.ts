/** Fetch as a part of the path. */
import { harmless, part, type PartOptions } from '../../../runtime/part.ts'
import type { CommitSettings } from '../../../runtime/settings.ts'
import { createS3Stores } from '../objects/s3-object-store.ts'
import { ParquetReaders } from '../parquet/parquet-readers.ts'
import { s3Section, type S3Settings } from '../settings.ts'
import { deadLineReasons } from '../text/dead-line-reasons.ts'
import { createFetchRole } from './fetch-processor.ts'
import { fetchRole } from './fetch-role.ts'
import { probeFormats } from './probe-formats.ts'

/** The settings that fetch takes from the whole. */
export interface FetchConfig {
  readonly s3: S3Settings
  readonly kafka: CommitSettings
}

/** What fetch is and does. */
export const fetch = part({
  name: 'fetch',
  kind: 'processor',
  doc: 'reads each object version once, line for line, and keeps the ledger',
  settings: { s3: s3Section },
  roles: [fetchRole],
  guard: {
    fetch: harmless('its state, the ledger, says what was read: arrivals that come again read nothing, and lost ones are announced again'),
  },
  probe: ({ s3 }: FetchConfig) => probeFormats(s3),
  refuses: deadLineReasons,
  build({ config: { s3, kafka }, atPoint }: PartOptions<FetchConfig>) {
    const parquet = new ParquetReaders()
    const options = { settings: s3, stores: createS3Stores(s3), parquet, kafka, ...(atPoint === undefined ? {} : { atPoint }) }
    return { roles: [createFetchRole(options)], close: () => parquet.close() }
  },
})
