/** Names of regions of AWS. */
import { regionFault, regionShape, type ValueCheck } from '../runtime/value-checks.ts'

/** Region of AWS. */
export const awsRegionFault: ValueCheck = value =>
  regionFault(value) ?? (regionShape.test(value) ? undefined : 'not a region: write one like us-east-1')
