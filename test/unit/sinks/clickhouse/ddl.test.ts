// One source of DDL: every migration for one server, for the replicas of a cluster, for ClickHouse Cloud.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkConfig } from '../../../../config/config.ts'
import { formOf, insertSettings, questionSettings, statementFor, type ServerForm } from '../../../../sinks/clickhouse/ddl.ts'
import { readMigrations } from '../../../../sinks/clickhouse/migrate.ts'
import { dropTables } from '../../../../sinks/clickhouse/reset.ts'
import { statementsOf } from '../../../../sinks/clickhouse/statements.ts'
import { ttlChange, ttlRules, type TtlSettings } from '../../../../sinks/clickhouse/time-to-live.ts'
import type { Store } from '../../../../sinks/clickhouse/store.ts'
import { readViews } from '../../../../sinks/clickhouse/views.ts'

const one: ServerForm = { kind: 'one' }
const cluster: ServerForm = { kind: 'cluster', name: 'main' }
const cloud: ServerForm = { kind: 'cloud' }

const files = [...readMigrations(), ...readViews().files]
const statements = files.flatMap(({ name, text }) =>
  statementsOf(text, '`flow loom`', { deduplicationWindow: 1234 }).map(statement => ({ name, statement })),
)
const withoutComments = (statement: string): string => statement.replace(/^\s*--.*$/gm, '').trim()
/** Columns and whatever else stands between the name of a table and its engine. */
const bodyOf = (statement: string): string | undefined => /^CREATE TABLE [^(]*(\([^]*\)) ENGINE = /.exec(withoutComments(statement))?.[1]

describe('migrations and views for one server', () => {
  it('are what they say', () => {
    for (const { statement } of statements) assert.equal(statementFor(one, statement), statement)
  })
})

describe('migrations and views for a cluster', () => {
  for (const { name } of files)
    it(`${name}: replicated engines with their window, on the whole cluster`, () => {
      for (const { statement } of statements.filter(statement => statement.name === name)) {
        const replicated = withoutComments(statementFor(cluster, statement))
        const alone = withoutComments(statement)
        assert.equal(replicated.match(/ ON CLUSTER `main`/g)?.length, 1, replicated)
        assert.match(
          replicated,
          /^(?:CREATE (?:OR REPLACE )?(?:TABLE|VIEW)(?: IF NOT EXISTS)?|ALTER TABLE|RENAME TABLE(?: IF EXISTS)?|DROP (?:TABLE|VIEW)(?: IF EXISTS)?) `flow loom`\.\w+(?: TO `flow loom`\.\w+)? ON CLUSTER `main`(?:\s|$)/,
        )
        assert.equal(bodyOf(replicated), bodyOf(alone), 'same columns')
        const engines = (text: string): string[] => [...text.matchAll(/ENGINE = (\w+)/g)].map(([, engine]) => engine!)
        assert.deepEqual(
          engines(replicated),
          engines(alone).map(engine => `Replicated${engine}`),
        )
        assert.doesNotMatch(replicated, /ENGINE = (?!Replicated)/)
        assert.doesNotMatch(replicated, /non_replicated/)
        if (engines(alone).length > 0)
          assert.match(
            replicated,
            /SETTINGS .*\breplicated_deduplication_window = 1234, replicated_deduplication_window_seconds = 604800\b/,
          )
        // nothing else has changed
        const back = replicated
          .replace(' ON CLUSTER `main`', '')
          .replace(/ENGINE = Replicated/g, 'ENGINE = ')
          .replace(
            /replicated_deduplication_window = (\d+), replicated_deduplication_window_seconds = 604800/g,
            'non_replicated_deduplication_window = $1',
          )
        assert.equal(back, alone)
      }
    })

  it('refuses a statement that it does not know: it would reach one replica only', () => {
    assert.throws(() => statementFor(cluster, 'GRANT SELECT ON x.* TO y'), /no form for several servers/)
  })

  it('writes what is no migration for all replicas too', () => {
    const forms = [
      ['CREATE DATABASE IF NOT EXISTS `a`', 'CREATE DATABASE IF NOT EXISTS `a` ON CLUSTER `main`'],
      ['DROP VIEW IF EXISTS `a`.`b` SYNC', 'DROP VIEW IF EXISTS `a`.`b` ON CLUSTER `main` SYNC'],
      ['DROP TABLE IF EXISTS `a`.`b` SYNC', 'DROP TABLE IF EXISTS `a`.`b` ON CLUSTER `main` SYNC'],
      ['DROP DATABASE IF EXISTS `a` SYNC', 'DROP DATABASE IF EXISTS `a` ON CLUSTER `main` SYNC'],
      ['RENAME TABLE a.b TO a.c', 'RENAME TABLE a.b TO a.c ON CLUSTER `main`'],
      ['EXCHANGE TABLES a.b AND a.c', 'EXCHANGE TABLES a.b AND a.c ON CLUSTER `main`'],
      ['ALTER TABLE `a`.`b` REMOVE TTL', 'ALTER TABLE `a`.`b` ON CLUSTER `main` REMOVE TTL'],
      ['SYSTEM SYNC REPLICA `a`.`b`', 'SYSTEM SYNC REPLICA ON CLUSTER `main` `a`.`b`'],
      [
        'ALTER TABLE `a`.`b` MODIFY SETTING non_replicated_deduplication_window = 7',
        'ALTER TABLE `a`.`b` ON CLUSTER `main` MODIFY SETTING replicated_deduplication_window = 7, replicated_deduplication_window_seconds = 604800',
      ],
      ["INSERT INTO `a`.schema_migrations (name) VALUES ('x')", "INSERT INTO `a`.schema_migrations (name) VALUES ('x')"],
      [
        'CREATE TABLE IF NOT EXISTS `it\\`s` (x String) ENGINE = MergeTree',
        'CREATE TABLE IF NOT EXISTS `it\\`s` ON CLUSTER `main` (x String) ENGINE = ReplicatedMergeTree',
      ],
    ]
    for (const [alone, all] of forms) assert.equal(statementFor(cluster, alone!), all)
    assert.equal(
      statementFor({ kind: 'cluster', name: 'a`b' }, 'ALTER TABLE a.b REMOVE TTL'),
      'ALTER TABLE a.b ON CLUSTER `a\\`b` REMOVE TTL',
    )
  })

  it('knows every statement of a reset', async () => {
    const commands: string[] = []
    const store: Store = {
      database: 'd',
      insert: async () => undefined,
      query: async () => [],
      command: async sql => void commands.push(statementFor(cluster, sql)),
      close: async () => undefined,
    }
    await dropTables(store)
    assert.ok(commands.length > 10)
    for (const sql of commands) assert.match(sql, / ON CLUSTER `main`/)
  })
})

describe('migrations for ClickHouse Cloud', () => {
  it('leave the engines to it, and set the window of shared tables', () => {
    for (const { statement } of statements) {
      const shared = statementFor(cloud, statement)
      assert.doesNotMatch(shared, /ON CLUSTER|non_replicated|Replicated/)
      assert.equal(
        shared.replace(
          /replicated_deduplication_window = (\d+), replicated_deduplication_window_seconds = 604800/g,
          'non_replicated_deduplication_window = $1',
        ),
        statement,
      )
    }
  })
})

describe('settings of inserts and questions', () => {
  it('ask for a quorum of the cluster, and for all that was written in ClickHouse Cloud', () => {
    const settings = { insertQuorum: 'auto', insertTimeoutMs: 5000 }
    assert.equal(insertSettings(one, settings), '')
    assert.equal(insertSettings(cloud, settings), '')
    assert.equal(insertSettings(cluster, settings), ", insert_quorum = 'auto', insert_quorum_parallel = 1, insert_quorum_timeout = 5000")
    assert.match(insertSettings(cluster, { ...settings, insertQuorum: '3' }), /insert_quorum = 3,/)
    assert.deepEqual([one, cluster, cloud].map(questionSettings), [{}, {}, { select_sequential_consistency: 1 }])
    assert.deepEqual([formOf({}), formOf({ cluster: 'main' }), formOf({ cloud: true })], [one, cluster, cloud])
  })
})

describe('times to live', () => {
  it('of what tells how complete the flows are end with those of the flows, or never', () => {
    const faults = (settings: Partial<TtlSettings>): string[] =>
      ttlRules.flatMap(rule => rule({ ttlDays: 0, ...settings }).map(({ key }) => String(key)))
    assert.deepEqual(faults({}), [])
    assert.deepEqual(faults({ ttlDays: 30 }), [])
    assert.deepEqual(faults({ ttlDays: 30, gapsTtlDays: 30, objectsTtlDays: 31, cloudMapTtlDays: 29, deadLettersTtlDays: 1 }), [
      'cloudMapTtlDays',
      'deadLettersTtlDays',
    ])
    assert.deepEqual(faults({ gapsTtlDays: 400 }), ['gapsTtlDays'])
  })

  it('that contradict each other are refused by check-config, as are a cluster and ClickHouse Cloud at once', () => {
    assert.throws(
      () => checkConfig({ clickhouse: { ttlDays: 30, gapsTtlDays: 7 } }),
      /flows are kept for 30 days[^]*clickhouse\.gapsTtlDays/,
    )
    assert.throws(
      () => checkConfig({ clickhouse: { deadLettersTtlDays: 90 } }),
      /flows are kept for ever[^]*clickhouse\.deadLettersTtlDays/,
    )
    assert.throws(() => checkConfig({ clickhouse: { cloud: true, cluster: 'main' } }), /clickhouse\.cloud/)
    assert.throws(() => checkConfig({ clickhouse: { insertQuorum: 'most' } }), /clickhouse\.insertQuorum/)
    assert.equal(checkConfig({ clickhouse: { ttlDays: 30, gapsTtlDays: 30 } }).clickhouse.insertBytes, 134_217_728)
  })

  it('change nothing in tables that have none', () => {
    assert.deepEqual(ttlChange('interfaces', 'ReplacingMergeTree ORDER BY interface', { ttlDays: 3 }), {})
    assert.deepEqual(ttlChange('anything', 'MergeTree ORDER BY x TTL y', { ttlDays: 3 }), {})
  })

  const own = (seconds: number): string =>
    `toDateTime(least(toUInt64(toUnixTimestamp(toStartOfDay(if((start >= '2010-01-01 00:00:00') AND (start <= (stored_at + toIntervalDay(1))), start, stored_at)))) + ${seconds}, 4294967295))`
  const ofMap = 'toDateTime(least(toUInt64(toUnixTimestamp(toStartOfDay(last_seen))) + 2678400, 4294967295))'
  for (const [table, ttl, expected] of [
    ['flows', own(31 * 86_400), { off: 'REMOVE TTL' }],
    ['flows', own(11 * 86_400), { off: 'REMOVE TTL', on: 'MODIFY TTL' }],
    ['flows', 'start + toIntervalDay(30)', { off: 'REMOVE TTL', on: 'MODIFY TTL' }],
    ['cloud_map', `${ofMap} WHERE deleted = 0`, { off: 'REMOVE TTL' }],
    ['cloud_map', `${ofMap} DELETE WHERE (deleted = 0)`, { off: 'REMOVE TTL' }],
    ['flows', '', { on: 'MODIFY TTL' }],
    ['flows', "start + toIntervalDay(7) TO VOLUME 'cold'", {}],
    ['flows', 'start + toIntervalDay(30) RECOMPRESS CODEC(ZSTD(9))', {}],
    ['flows', 'start + toIntervalDay(30) WHERE protocol = 6', {}],
    ['flows', `${own(31 * 86_400)}, start + toIntervalDay(7) TO DISK 's3, or SETTINGS'`, {}],
    ['flows', `start + toIntervalDay(7) TO VOLUME 'cold', ${own(31 * 86_400)}`, {}],
    ['cloud_map', `${ofMap} WHERE deleted = 0, last_seen + toIntervalDay(7) TO VOLUME 'cold'`, {}],
    ['cloud_map', ofMap, {}],
  ] as const)
    it(`of somebody else stay at a start, and are told: ${table}, ${ttl || 'none'}`, () => {
      const shown = `MergeTree ORDER BY start${ttl === '' ? '' : ` TTL ${ttl}`} SETTINGS index_granularity = 8192`
      const settings = { gapsTtlDays: 0, objectsTtlDays: 0, deadLettersTtlDays: 0 }
      const off = ttlChange(table, shown, { ...settings, ttlDays: 0, cloudMapTtlDays: 0 })
      const on = ttlChange(table, shown, { ...settings, ttlDays: 30, cloudMapTtlDays: 30 })
      const { off: wantedOff, on: wantedOn } = expected as { off?: string; on?: string }
      assert.equal(off.statement, wantedOff)
      assert.equal(on.statement?.slice(0, 10), wantedOn)
      const isForeign = ttl !== '' && wantedOff === undefined
      assert.deepEqual([off.foreign, on.foreign], isForeign ? [ttl, ttl] : [undefined, undefined])
    })
})
