/** The objects that the benchmarks of the path read: full v5 rows of one interface fleet. */
import { generateObjects, type SyntheticObject } from '../producers/synthetic/generate-objects.ts'

/** An hour ago, so that discover finds what is of that slot. */
const recentS = (): number => Math.floor(Date.now() / 300_000) * 300 - 3600

/**
 * Makes some, of one slot.
 *
 * @param rows Of each object.
 * @param startS Unix seconds of the slot.
 */
export const sampleObjects = (count: number, rows: number, seed = 5, startS = recentS()): Generator<SyntheticObject> =>
  generateObjects({
    seed,
    records: count * rows,
    startS,
    slots: 1,
    accounts: ['123456789012'],
    regions: ['us-east-1'],
    formats: ['v5-full'],
    recordsPerObject: rows,
  })

/** Makes one. */
export const sampleObject = (rows: number, seed = 5, startS = recentS()): SyntheticObject =>
  sampleObjects(1, rows, seed, startS).next().value as SyntheticObject
