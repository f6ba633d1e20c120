/** Statements of migrations and views: how they are read from a file, and how they run while other processes run the same ones. */
import { withConditions } from './conditions.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { FlowError } from '../../runtime/errors.ts'
import type { Store } from './store.ts'

/** What stands in braces in the files. */
export interface StatementSettings {
  readonly deduplicationWindow: number
}

/**
 * The statements of a file, with the settings put in and comments left out. A statement ends with a semicolon at the end of a line.
 *
 * @param database As it stands in SQL.
 */
export function statementsOf(text: string, database: string, settings: StatementSettings): string[] {
  return withConditions(text)
    .replace(/^[ \t]*--.*\n?/gm, '')
    .replaceAll('{database}', database)
    .replaceAll('{deduplicationWindow}', String(settings.deduplicationWindow))
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map(part => part.trim())
    .filter(part => part !== '')
}

/**
 * Another process replaces the view or changes the table at this moment (CANNOT_ASSIGN_ALTER, ATOMIC_RENAME_FAIL, TABLE_IS_DROPPED), or is
 * between a rename and the new table (UNKNOWN_TABLE).
 */
const busyCodes: readonly unknown[] = ['517', '521', '218', '60']
const mostTries = 50
const pauseMs = 200

/** Runs a statement, again while another process is at the same table. */
export async function commandInTurn(store: Store, statement: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await store.command(statement)
      return
    } catch (error) {
      const isBusy = error instanceof FlowError && error.code === 'CLICKHOUSE_REFUSED' && busyCodes.includes(error.details['code'])
      if (!isBusy || tries === mostTries) throw error
      await sleep(pauseMs)
    }
  }
}
