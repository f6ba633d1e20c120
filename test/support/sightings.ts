/** Hand-made owners and sightings for the tests of the cloud map. */
import type { IpSighting, Owner, OwnershipRun } from '../../schemas/records.ts'

/** An owner: interface `eni-<name>` with an instance of the same name and the given attributes. */
export const ownerNamed = (name: string, attributes: Partial<Owner> = {}): Owner => ({
  interfaceId: `eni-${name}`,
  instanceId: `i-${name}`,
  interfaceType: null,
  subnetId: null,
  vpcId: 'vpc-1',
  accountId: '123456789012',
  region: null,
  azId: null,
  service: null,
  ...attributes,
})

/** `seen('a', [0, 9], [20, 29])`: owner a in these seconds. */
export const seen = (name: string, ...ranges: [number, number][]): IpSighting => ({
  kind: 'own',
  owner: ownerNamed(name),
  ranges: ranges.map(([first, last]) => ({ first, last })),
})

/** A run in one line: owner, first second, second after the last one, last second seen, seconds in conflict. */
export const inShort = (run: OwnershipRun | null): string =>
  run === null
    ? '-'
    : `${run.owner.interfaceId?.slice(4) ?? run.owner.service ?? '?'} ${run.validFrom}-${run.validTo ?? ''} seen ${run.firstSeen}-${run.lastSeen}${run.conflictS > 0 ? ` conflict ${run.conflictS}` : ''}`
