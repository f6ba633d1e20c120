/** Hand-made owners, sightings and days for the tests of the cloud map. */
import { dayOfSighting, emptyDay, joinDays, type DayState } from '../../../processors/ip-context/day-state.ts'
import { splitByDay } from '../../../processors/ip-context/sighting-days.ts'
import type { IpSighting, Owner, OwnershipRun, SightingKind } from '../../../schemas/records.ts'

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

/** `shown('packet', 'a', [0, 9], [20, 29])`: owner a in these seconds. */
export const shown = (kind: SightingKind, name: string, ...ranges: [number, number][]): IpSighting => ({
  kind,
  owner: ownerNamed(name),
  ranges: ranges.map(([first, last]) => ({ first, last })),
})

/** `seen('a', [0, 9])`: owner a, with the address as its own. */
export const seen = (name: string, ...ranges: [number, number][]): IpSighting => shown('own', name, ...ranges)

/** States of the days of some sightings. */
export function daysOf(sightings: readonly IpSighting[]): Map<number, DayState> {
  const days = new Map<number, DayState>()
  for (const sighting of sightings)
    for (const [day, shown] of splitByDay(sighting.ranges, Infinity).days)
      days.set(day, joinDays(days.get(day) ?? emptyDay, dayOfSighting(sighting, shown)))
  return new Map([...days].sort(([a], [b]) => a - b))
}

/** A run in one line: owner, first second, second after the last one, last second seen, seconds in conflict. */
export const inShort = (run: OwnershipRun | null): string =>
  run === null
    ? '-'
    : `${run.owner.interfaceId?.slice(4) ?? run.owner.service ?? '?'} ${run.validFrom}-${run.validTo ?? ''} seen ${run.firstSeen}-${run.lastSeen}${run.conflictS > 0 ? ` conflict ${run.conflictS}` : ''}`
