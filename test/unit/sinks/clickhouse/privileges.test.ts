// What a user of ClickHouse is granted by the docs, asked for by the probe, and needs for what is sent: one list.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { rememberBeginnings } from '../../../../sinks/clickhouse/begun-roles.ts'
import { statementFor, type ServerForm } from '../../../../sinks/clickhouse/ddl.ts'
import { migrate } from '../../../../sinks/clickhouse/migrate.ts'
import { recordOwnNetworks } from '../../../../sinks/clickhouse/own-networks.ts'
import { clusterPrivileges, sinkPrivileges } from '../../../../sinks/clickhouse/privileges.ts'
import { ownedObjects, resetTables } from '../../../../sinks/clickhouse/reset.ts'
import type { Store } from '../../../../sinks/clickhouse/store.ts'
import { readViews } from '../../../../sinks/clickhouse/views.ts'

/** What a server demands of the user of a statement, from its documentation of GRANT. */
const demands: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^CREATE DATABASE /, ['CREATE DATABASE']],
  [/^CREATE TABLE /, ['CREATE TABLE']],
  [/^CREATE OR REPLACE VIEW /, ['CREATE VIEW', 'DROP VIEW', 'SELECT']],
  [/^DROP VIEW /, ['DROP VIEW']],
  [/^DROP TABLE /, ['DROP TABLE']],
  [/^RENAME TABLE /, ['SELECT', 'DROP TABLE', 'CREATE TABLE', 'INSERT']],
  [/^INSERT INTO /, ['INSERT']],
  [/^SYSTEM SYNC REPLICA /, ['SYSTEM SYNC REPLICA']],
]
const alterDemands: Readonly<Record<string, string>> = {
  'ADD COLUMN': 'ALTER ADD COLUMN',
  'MODIFY COLUMN': 'ALTER MODIFY COLUMN',
  'MATERIALIZE COLUMN': 'ALTER MATERIALIZE COLUMN',
  'ADD INDEX': 'ALTER ADD INDEX',
  'MATERIALIZE INDEX': 'ALTER MATERIALIZE INDEX',
  'ADD PROJECTION': 'ALTER ADD PROJECTION',
  'MATERIALIZE PROJECTION': 'ALTER MATERIALIZE PROJECTION',
  'DROP PROJECTION': 'ALTER DROP PROJECTION',
  'MODIFY COMMENT': 'ALTER MODIFY COMMENT',
  'MODIFY SETTING': 'ALTER SETTINGS',
  'MODIFY TTL': 'ALTER TTL',
  'REMOVE TTL': 'ALTER TTL',
}

/** Texts in quotes and what is in parentheses say nothing of the kind of a statement. */
function bare(statement: string): string {
  let text = statement.replace(/'(?:[^'\\]|\\.)*'/g, "''")
  for (let before = ''; before !== text;) {
    before = text
    text = text.replace(/\([^()]*\)/g, '')
  }
  return text
}

function demandsOf(statement: string): string[] {
  const cluster = statement.includes(' ON CLUSTER ') ? ['CLUSTER'] : []
  const plain = statement.replace(/ ON CLUSTER `\w+`/, '')
  const alter = /^ALTER TABLE \S+\s+(?<changes>[^]*)$/.exec(bare(plain))?.groups?.['changes']
  if (alter !== undefined) {
    const kinds = alter.split(/,\s*(?=[A-Z]+ [A-Z]+ )/).map(change => /^[A-Z]+ [A-Z]+/.exec(change)?.[0] ?? change)
    return [...cluster, ...kinds.map(kind => alterDemands[kind] ?? assert.fail(`no privilege is known for ${kind}: ${statement}`))]
  }
  const found = demands.find(([kind]) => kind.test(plain)) ?? assert.fail(`no privilege is known for ${statement.slice(0, 80)}`)
  return [...cluster, ...found[1]]
}

/** Every statement of a start in a fresh database, one with another time to live, a reset, and what the sink notes in its tables. */
async function statementsSent(form: ServerForm): Promise<string[]> {
  const sent: string[] = []
  let full = ''
  const synced = {
    catchUp: async (table: string) => void sent.push(statementFor(form, `SYSTEM SYNC REPLICA \`d\`.\`${table}\``)),
  }
  const store: Store = {
    database: 'd',
    insert: () => Promise.reject(new Error('no rows')),
    query: async <T>(sql: string) =>
      (sql.includes('engine_full AS full')
        ? ownedObjects().tables.map(name => ({ name, full }))
        : sql.includes('system.clusters')
          ? [{ shards: '1' }]
          : sql.includes("name = 'cloud_mode'")
            ? []
            : sql.includes('max(engine)') && full !== ''
              ? [{ name: 'gone', engine: 'View', hash: 'h' }]
              : []) as T[],
    command: async sql => void sent.push(statementFor(form, sql)),
    ...(form.kind === 'cluster' ? synced : {}),
    close: async () => undefined,
  }
  const settings = {
    ...(form.kind === 'cluster' ? { cluster: form.name } : {}),
    deduplicationWindow: 1000,
    gapsTtlDays: 0,
    objectsTtlDays: 0,
    cloudMapTtlDays: 0,
    deadLettersTtlDays: 0,
  }
  await migrate(store, { ...settings, ttlDays: 30 })
  full = 'MergeTree TTL toDateTime(least(x + 1, 4294967295)) SETTINGS a = 1'
  await migrate(store, { ...settings, ttlDays: 0 }, undefined, { ...readViews(), retired: ['gone'] })
  await recordOwnNetworks(store, ['10.0.0.0/8'])
  await rememberBeginnings(store, [{ ownGroup: 'r', group: 'g', topic: 't' }])
  await resetTables(store, { ...settings, ttlDays: 0 } as Parameters<typeof resetTables>[1])
  return sent
}

describe('a sink that was refused an upgrade though it had every grant that the docs and the probe name', () => {
  it('is granted what its statements demand, and nothing else', async () => {
    const sent = await statementsSent({ kind: 'one' })
    assert.ok(sent.length > 100 && sent.some(sql => sql.startsWith('RENAME')) && sent.some(sql => sql.endsWith('REMOVE TTL')))
    assert.deepEqual([...new Set([...sent.flatMap(demandsOf), 'SELECT'])].sort(), [...sinkPrivileges].sort())
  })

  it('is granted two more for a cluster', async () => {
    const sent = await statementsSent({ kind: 'cluster', name: 'c' })
    assert.deepEqual([...new Set([...sent.flatMap(demandsOf), 'SELECT'])].sort(), [...sinkPrivileges, ...clusterPrivileges].sort())
  })

  it('finds the same list in the docs', () => {
    const text = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8')
    const granted = (on: string): string[] =>
      [...text.matchAll(new RegExp(`^GRANT (.+) ON ${on} TO writer;$`, 'gm'))].flatMap(([, names]) => names!.split(', ')).sort()
    assert.deepEqual(granted(String.raw`flowloom\.\*`), [...sinkPrivileges, clusterPrivileges[1]].sort())
    assert.deepEqual(granted(String.raw`\*\.\*`), [clusterPrivileges[0]])
  })
})

describe('the statements of a start', () => {
  it('have a kind that the list knows, also if a change has several', () => {
    assert.deepEqual(
      demandsOf("ALTER TABLE `d`.t\n  ADD COLUMN IF NOT EXISTS a UInt8 COMMENT 'x, DROP COLUMN b',\n  MODIFY COLUMN c UInt8"),
      ['ALTER ADD COLUMN', 'ALTER MODIFY COLUMN'],
    )
    assert.throws(() => demandsOf('ALTER TABLE d.t DROP COLUMN a'), /no privilege is known for DROP COLUMN/)
    assert.throws(() => demandsOf('OPTIMIZE TABLE d.t'), /no privilege is known/)
  })
})
