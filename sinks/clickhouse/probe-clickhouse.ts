/** Asks ClickHouse for an answer, and what its user may do with the database; changes nothing. */
import { attempt, missing, ok, unknown, type ProbeResult } from '../../runtime/probe-result.ts'
import { identifier, withStore } from './clickhouse-client.ts'
import { sinkPrivileges } from './privileges.ts'
import type { ClickHouseSettings } from './settings.ts'
import type { Grants, Store } from './store.ts'

/** Tries a server. @param subject Its URL. */
export async function probeStore(subject: string, store: Pick<Store, 'query'> & Grants, database: string): Promise<ProbeResult[]> {
  const reach = { setting: 'clickhouse.url', url: subject }
  const answers = await attempt(subject, 'ClickHouse', () => store.query('SELECT 1'), reach)
  if (answers.result !== 'ok') return [answers]
  const step = 'ClickHouse grants'
  const on = `${identifier(database)}.*`
  try {
    const absent: string[] = []
    for (const privilege of sinkPrivileges) {
      const granted = await store.isGranted(privilege, on)
      if (granted === undefined) return [answers, unknown(subject, step, 'the server has no CHECK GRANT')]
      if (!granted) absent.push(privilege)
    }
    return [answers, absent.length === 0 ? ok(subject, step) : missing(subject, step, new Error(`${absent.join(', ')} ON ${on}`))]
  } catch (error) {
    return [answers, missing(subject, step, error)]
  }
}

/** Tries the server of the settings; its database need not exist. */
export const probeClickHouse = (settings: ClickHouseSettings): Promise<ProbeResult[]> =>
  withStore({ ...settings, database: 'default' }, store => probeStore(settings.url, store, settings.database))
