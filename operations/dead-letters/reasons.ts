/** Why a line can be a dead letter: the reasons of every part. */
import { topology } from '../../topology.ts'

/** Every reason, in the order of the alphabet. */
export const knownReasons: readonly string[] = [...new Set(topology.flatMap(({ refuses = {} }) => Object.keys(refuses)))].sort()
