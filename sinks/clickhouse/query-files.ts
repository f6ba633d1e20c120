/** The saved questions: queries/*.sql, each with its parameters in its head. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Names of the saved questions. */
export type QueryName = 'conservation' | 'ssh_from_outside' | 'top_talkers' | 'who_holds'

/** Text of a saved question. */
export const readQuery = (name: QueryName): string => readFileSync(join(import.meta.dirname, 'queries', `${name}.sql`), 'utf8')
