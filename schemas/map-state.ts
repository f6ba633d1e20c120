/** The state of the cloud map, by address and UTC day: value of `cloud-map`, key and value of `cloud-map-days`. */
import { optional, record, required, symbols, type AvroRecord } from './avro-types.ts'
import { addressKey, owner, type AddressKey, type Owner, type SightingKind } from './records.ts'

/** What one owner showed of an address in one UTC day. */
export interface DayClaim {
  kind: SightingKind
  /** Index in `owners`. */
  owner: number
  /** For each stay two numbers: seconds since the end of the stay before (since midnight for the first), then last second minus first one. */
  stays: number[]
  /** In which minutes of the stays it was seen; null: in all of them. */
  minutes: Buffer | null
}
const dayClaims = {
  type: 'array',
  items: record('DayClaim', 'What one owner showed of an address in one UTC day', [
    required('kind', symbols('SightingKind', ['own', 'packet', 'passed']), 'as in ip-sightings'),
    required('owner', 'int', 'index in owners'),
    required(
      'stays',
      { type: 'array', items: 'int' },
      'two numbers for each stay: seconds between the last second of the stay before and its first (after midnight for the first stay), and its last second minus its first; gaps of at most 600 seconds are closed',
    ),
    optional(
      'minutes',
      'bytes',
      'in which minutes of the day the owner was seen, if not in all that the stays touch: number of the first byte, then bytes of eight minutes each, the lowest bit first; null: in all of them, and for passed',
    ),
  ]),
} as const

/** State of an address in one UTC day: value of `cloud-map-days`, and part of a cloud-map entry. */
export interface CloudMapDay {
  owners: Owner[]
  claims: DayClaim[]
}
/** Key of `cloud-map-days`. */
export interface DayKey extends AddressKey {
  day: number
}
export const dayKey: AvroRecord = record('DayKey', 'An address in one UTC day', [
  ...addressKey.fields,
  required('day', 'int', 'days since 1970-01-01'),
])
/** The day of an encoded key of `cloud-map-days`: its last bytes. Before them stands text, none of whose last bytes has the high bit. */
export function dayOfKey(key: Uint8Array): number {
  let at = key.length - 1
  while (at > 0 && key[at - 1]! >= 128) at--
  let zigzag = 0
  for (let shift = 0; at < key.length; at++, shift += 7) zigzag |= (key[at]! & 127) << shift
  return (zigzag >>> 1) ^ -(zigzag & 1)
}
export const cloudMapDay: AvroRecord = record('CloudMapDay', 'What is known of an address in one UTC day', [
  required('owners', { type: 'array', items: owner }, 'every owner of the claims, once'),
  required('claims', dayClaims, 'who showed the address when'),
])

/** Value of `cloud-map`: the owner now, and the state of the newest days. */
export interface CloudMapEntry {
  current: Owner | null
  currentSince: number | null
  lastSeen: number | null
  storedDay: number | null
  owners: Owner[]
  days: { day: number; claims: DayClaim[] }[]
}
export const cloudMapEntry: AvroRecord = record('CloudMapEntry', 'Who holds an address now, and what the newest days of it say', [
  { name: 'current', type: ['null', owner], doc: 'owner of the newest run', default: null },
  optional('currentSince', 'long', 'Unix seconds: since when nobody else was seen with the address, as far as the days of this entry know'),
  optional('lastSeen', 'long', 'Unix seconds: last second of the newest run'),
  optional('storedDay', 'int', 'days since 1970-01-01: no later day of the address is in cloud-map-days; null: none is'),
  required('owners', { type: 'array', items: 'Owner' }, 'every owner of the claims, once'),
  required(
    'days',
    {
      type: 'array',
      items: record('HotDay', 'What is known of one UTC day', [
        required('day', 'int', 'days since 1970-01-01'),
        required('claims', dayClaims, 'who showed the address when'),
      ]),
    },
    'the newest day and those within ipContext.horizonS before it, oldest first; older ones are in cloud-map-days',
  ),
])
