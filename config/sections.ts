/** The whole configuration: the sections that stand in the parts, and what no part can judge alone. */
import { z } from 'zod'
import { lookupsSection } from '../processors/enrich/lookups/settings.ts'
import { networksSection } from '../processors/enrich/settings.ts'
import { ipContextSection } from '../processors/ip-context/settings.ts'
import { s3Section } from '../producers/s3/settings.ts'
import { kafkaSection } from '../runtime/kafka/settings.ts'
import { httpSection, logSection, registrySection, runSection } from '../runtime/settings.ts'
import { clickhouseSection } from '../sinks/clickhouse/settings.ts'
import { withRules } from '../runtime/setting-types.ts'
import { recordSizeFaults } from './record-size.ts'

/** The shape of every section, for docs and environment; its order is that of docs/reference/config.md. */
export const sections = {
  kafka: kafkaSection,
  registry: registrySection,
  s3: s3Section,
  lookups: lookupsSection,
  networks: networksSection,
  ipContext: ipContextSection,
  clickhouse: clickhouseSection,
  http: httpSection,
  log: logSection,
  run: runSection,
}

/** The whole configuration as a schema: the one source for parsing, `check-config` and docs/reference/config.md. */
export const configSchema = withRules(
  z.strictObject({
    kafka: kafkaSection.prefault({}),
    registry: registrySection.prefault({}),
    s3: s3Section.prefault({}),
    lookups: lookupsSection.prefault({}),
    networks: networksSection.prefault({}),
    ipContext: ipContextSection.prefault({}),
    clickhouse: clickhouseSection.prefault({}),
    http: httpSection.prefault({}),
    log: logSection.prefault({}),
    run: runSection.prefault({}),
  }),
  [recordSizeFaults],
)
