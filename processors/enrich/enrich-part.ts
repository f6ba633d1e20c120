/** Enrich as a part of the path. */
import { judged } from '../../runtime/partial-settings.ts'
import { part, type PartOptions } from '../../runtime/part.ts'
import type { CommitSettings } from '../../runtime/settings.ts'
import { createEnrichRole, enrichRole } from './enrich-processor.ts'
import { lookupFaults, lookupHints, probeLookups } from './lookups/probe-lookups.ts'
import { lookupsSection, type LookupSettings } from './lookups/settings.ts'
import { lineFaultReasons } from './parse/line-faults.ts'
import { networkHints } from './network-hints.ts'
import { networksSection, type NetworkSettings } from './settings.ts'

/** The settings that enrich takes from the whole. */
export interface EnrichConfig {
  readonly lookups: LookupSettings
  readonly networks: NetworkSettings
  readonly kafka: CommitSettings
}

/** What enrich is and does. */
export const enrich = part({
  name: 'enrich',
  kind: 'processor',
  doc: 'parses lines by their header, annotates them, and says who was seen with which address',
  settings: { lookups: lookupsSection, networks: networksSection },
  roles: [enrichRole],
  guard: { enrich: { repeated: { refusedIfWritten: 'flows' }, missed: 'refused' } },
  faults: ({ lookups }: EnrichConfig) => lookupFaults(lookups),
  hints: ({ lookups, networks }: EnrichConfig) => [...lookupHints(lookups), ...(judged(() => networkHints(networks)) ?? [])],
  probe: ({ lookups }: EnrichConfig) => probeLookups(lookups),
  refuses: lineFaultReasons,
  build: ({ config: { lookups, networks, kafka }, atPoint }: PartOptions<EnrichConfig>) => ({
    roles: [createEnrichRole({ lookups, networks, kafka, ...(atPoint === undefined ? {} : { atPoint }) })],
  }),
})
