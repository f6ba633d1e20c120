/** Why a line can be a dead letter: the reasons of fetch and of enrich. */
import { lineFaultReasons } from '../../processors/enrich/parse/line-faults.ts'
import { deadLineReasons } from '../../producers/s3/text/dead-line-reasons.ts'

/** Every reason, in the order of the alphabet. */
export const knownReasons: readonly string[] = [...new Set([...Object.keys(deadLineReasons), ...Object.keys(lineFaultReasons)])].sort()
