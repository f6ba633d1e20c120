/** The cloud map as a part of the path. */
import type { z } from 'zod'
import { part, type PartOptions } from '../../runtime/part.ts'
import type { CommitSettings } from '../../runtime/settings.ts'
import { createIpContextRole, ipContextRole } from './ip-context-processor.ts'
import { ipContextSection } from './settings.ts'

/** The settings that ip-context takes from the whole. */
export interface IpContextConfig {
  readonly ipContext: z.infer<typeof ipContextSection>
  readonly kafka: CommitSettings
}

/** What the part that keeps the cloud map is and does. */
export const ipContext = part({
  name: 'ip-context',
  kind: 'processor',
  doc: 'learns who held which address when',
  settings: { ipContext: ipContextSection },
  roles: [ipContextRole],
  guard: { 'ip-context': { repeated: { harmless: 'a sighting that comes again changes nothing in the map' }, missed: 'refused' } },
  build: ({ config, atPoint }: PartOptions<IpContextConfig>) => ({
    roles: [createIpContextRole({ ...config.ipContext, ...config.kafka, ...(atPoint === undefined ? {} : { atPoint }) })],
  }),
})
