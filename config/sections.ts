/** The whole configuration: the sections that stand in the parts, and what no part can judge alone. */
import { z } from 'zod'
import { awsFaults } from '../aws/settings.ts'
import { lookupsSection } from '../processors/enrich/lookups/settings.ts'
import { networksSection } from '../processors/enrich/settings.ts'
import { ipContextSection } from '../processors/ip-context/settings.ts'
import { s3Section } from '../producers/s3/settings.ts'
import { kafkaFaults } from '../runtime/kafka/settings-faults.ts'
import { kafkaSection } from '../runtime/kafka/settings.ts'
import { httpSection, logSection, registrySection, runSection } from '../runtime/settings.ts'
import { clickhouseFaults, clickhouseSection } from '../sinks/clickhouse/settings.ts'
import { refuse, type SettingFault } from '../runtime/setting-types.ts'
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

type Sections = typeof sections

/** What a section refuses because its settings contradict each other. */
const faults: { readonly [Name in keyof Sections]?: (settings: z.infer<Sections[Name]>) => readonly SettingFault[] } = {
  kafka: kafkaFaults,
  s3: awsFaults,
  clickhouse: clickhouseFaults,
}

/** A section that is wholly left out has its defaults. */
const checkedSections = Object.fromEntries(
  Object.entries(sections).map(([name, section]: [string, z.ZodObject]) => {
    const faultsOf = faults[name as keyof Sections] as ((settings: unknown) => readonly SettingFault[]) | undefined
    const checked = faultsOf === undefined ? section : section.superRefine((settings, context) => refuse(context, faultsOf(settings)))
    return [name, checked.prefault({})]
  }),
) as unknown as { readonly [Name in keyof Sections]: z.ZodPrefault<Sections[Name]> }

/** The whole configuration as a schema: the one source for parsing, `check-config` and docs/reference/config.md. */
export const configSchema = z.strictObject(checkedSections).superRefine((settings, context) => {
  for (const { path, message } of recordSizeFaults(settings)) context.addIssue({ code: 'custom', message, path: [...path] })
})
