/** What object versions held that were overwritten later. */
import type { PlantedRecord } from './planted-logs.ts'

/**
 * Records of a version that was overwritten: fewer than the newest one has, the same, or false ones too, which no answer may show.
 *
 * @param isTrue Without false ones: this version counts.
 * @param random Numbers from 0 to 1.
 */
export function olderRecords(records: readonly PlantedRecord[], isTrue: boolean, random: () => number): PlantedRecord[] {
  const kept = random() < 0.5 ? records.slice(1) : [...records]
  const first = records[0]!
  if (isTrue || random() < 0.3) return kept
  const flow: PlantedRecord = { ...first, port: 9999, bytes: 77_777, unclear: false }
  const loss: PlantedRecord = { ...first, port: null, bytes: 0, unclear: false, lost: true }
  return [...kept, flow, ...(random() < 0.5 ? [loss] : [])]
}
