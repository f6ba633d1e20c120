/** Discover as a part of the path. */
import { harmless, part } from '../../../runtime/part.ts'
import { createS3Stores } from '../objects/s3-object-store.ts'
import { rootOf } from '../objects/source-layout.ts'
import { bucketRegionOf } from '../place-faults.ts'
import { s3Section, type S3Settings } from '../settings.ts'
import { createDiscoverSource, discoverSource } from './discover-source.ts'
import { probeSource } from './probe-source.ts'

/** The settings that discover takes from the whole. */
export interface DiscoverConfig {
  readonly s3: S3Settings
}

/** What discover is and does. */
export const discover = part({
  name: 'discover',
  kind: 'source',
  doc: 'lists the buckets again and again and announces new objects',
  settings: { s3: s3Section },
  roles: [discoverSource],
  guard: { discover: harmless('it has no position: an arrival that comes again reads no object twice') },
  async probe({ s3 }: DiscoverConfig) {
    const stores = createS3Stores(s3)
    const endpoint = s3.endpoint === undefined ? undefined : { setting: 's3.endpoint', url: s3.endpoint }
    const results = s3.sources.map((source, index) => {
      const key = (['bucketRegion', 'region'] as const).find(each => source[each] !== undefined)
      const setting = key === undefined ? 's3.region' : `s3.sources[${index}].${key}`
      const region = { setting, value: bucketRegionOf(s3, source) }
      return probeSource(source, stores(source.bucket, rootOf(source), source), { endpoint, region })
    })
    return (await Promise.all(results)).flat()
  },
  build: ({ config: { s3 } }: { readonly config: DiscoverConfig }) => ({
    sources: [createDiscoverSource({ settings: s3, stores: createS3Stores(s3) })],
  }),
})
