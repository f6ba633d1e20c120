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

/** Every section, a line each; its order is that of docs/reference/config.md. The whole is made of these. */
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

/** A section that is wholly left out has its defaults. */
const optional = Object.fromEntries(
  Object.entries(sections).map(([name, section]: [string, z.ZodObject]) => [name, section.prefault({})]),
) as unknown as { readonly [Name in keyof typeof sections]: z.ZodPrefault<(typeof sections)[Name]> }

/** The whole configuration as a schema: the one source for parsing, `check-config` and docs/reference/config.md. */
export const configSchema = withRules(z.strictObject(optional), [recordSizeFaults])
