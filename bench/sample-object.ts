/** The object that the benchmarks of the path read: full v5 rows of one interface fleet. */
import { generateObjects, type SyntheticObject } from '../producers/synthetic/generate-objects.ts'

/**
 * Makes it.
 *
 * @param startS Unix seconds of its slot; default an hour ago, so that discover finds it.
 */
export function sampleObject(rows: number, seed = 5, startS = Math.floor(Date.now() / 300_000) * 300 - 3600): SyntheticObject {
  const [sample] = generateObjects({
    seed,
    records: rows,
    startS,
    slots: 1,
    accounts: ['123456789012'],
    regions: ['us-east-1'],
    formats: ['v5-full'],
    recordsPerObject: rows,
  })
  return sample!
}
