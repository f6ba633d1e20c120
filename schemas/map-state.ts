/** The state of the cloud map, by address and UTC day: value of `cloud-map`, key and value of `cloud-map-days`. */
import { again, arrayOf, optional, record, required, symbols, type RecordOf } from './avro-types.ts'
import { addressKey, owner } from './records.ts'

const dayClaim = record('DayClaim', 'What one owner showed of an address in one UTC day', [
  required('kind', symbols('SightingKind', ['own', 'packet', 'passed']), 'as in ip-sightings'),
  required('owner', 'int', 'index in owners'),
  required(
    'stays',
    arrayOf('int'),
    'two numbers for each stay: seconds between the last second of the stay before and its first (after midnight for the first stay), and its last second minus its first; gaps of at most 600 seconds are closed',
  ),
  optional(
    'minutes',
    'bytes',
    'in which minutes of the day the owner was seen, if not in all that the stays touch: number of the first byte, then bytes of eight minutes each, the lowest bit first; null: in all of them, and for passed',
  ),
])
/** What one owner showed of an address in one UTC day. */
export type DayClaim = RecordOf<typeof dayClaim>

/** Schema of `DayKey`. */
export const dayKey = record('DayKey', 'An address in one UTC day', [...addressKey.fields, required('day', 'int', 'days since 1970-01-01')])
/** Key of `cloud-map-days`. */
export type DayKey = RecordOf<typeof dayKey>

/** The day of an encoded key of `cloud-map-days`: its last bytes. Before them stands text, none of whose last bytes has the high bit. */
export function dayOfKey(key: Uint8Array): number {
  let at = key.length - 1
  while (at > 0 && key[at - 1]! >= 128) at--
  let zigzag = 0
  for (let shift = 0; at < key.length; at++, shift += 7) zigzag |= (key[at]! & 127) << shift
  return (zigzag >>> 1) ^ -(zigzag & 1)
}

/** Schema of `CloudMapDay`. */
export const cloudMapDay = record('CloudMapDay', 'What is known of an address in one UTC day', [
  required('owners', arrayOf(owner), 'every owner of the claims, once'),
  required('claims', arrayOf(dayClaim), 'who showed the address when'),
])
/** State of an address in one UTC day: value of `cloud-map-days`, and part of a cloud-map entry. */
export type CloudMapDay = RecordOf<typeof cloudMapDay>

/** Schema of `CloudMapEntry`. */
export const cloudMapEntry = record('CloudMapEntry', 'Who holds an address now, and what the newest days of it say', [
  optional('current', owner, 'owner of the newest run'),
  optional(
    'currentSince',
    'long',
    'Unix seconds: since when nobody but the owner was seen with the address, as far as the days of this entry know; null: somebody else was seen up to lastSeen, too',
  ),
  optional('lastSeen', 'long', 'Unix seconds: last second of the newest run'),
  optional('storedDay', 'int', 'days since 1970-01-01: no later day of the address is in cloud-map-days; null: none is'),
  required('owners', arrayOf(again(owner)), 'every owner of the claims, once'),
  required(
    'days',
    arrayOf(
      record('HotDay', 'What is known of one UTC day', [
        required('day', 'int', 'days since 1970-01-01'),
        required('claims', arrayOf(dayClaim), 'who showed the address when'),
      ]),
    ),
    'the newest day and those within ipContext.horizonS before it, oldest first; older ones are in cloud-map-days',
  ),
])
/** Value of `cloud-map`: the owner now, and the state of the newest days. */
export type CloudMapEntry = RecordOf<typeof cloudMapEntry>
