/** What the role of fetch is: its name and its topics. */
import type { RoleShape } from '../../../runtime/task.ts'

/** Arrivals in, the ledger as state, lines out. */
export const fetchRole = {
  name: 'fetch',
  // the name of the role once; under another group every arrival would be read again, and no process of an older version would be fenced
  group: 's3-fetch',
  from: 'objectArrivals',
  state: 'objects',
  to: ['rawLines', 'objects', 'deadLetters'],
} as const satisfies RoleShape
