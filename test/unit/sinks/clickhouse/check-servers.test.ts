// What stands behind the address of ClickHouse, before anything is made there.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkServers } from '../../../../sinks/clickhouse/check-servers.ts'
import type { ServerForm } from '../../../../sinks/clickhouse/ddl.ts'
import { migrate } from '../../../../sinks/clickhouse/migrate.ts'
import type { Store } from '../../../../sinks/clickhouse/store.ts'

interface Behind {
  /** Answers in turn, as a balancer gives them. */
  servers?: { id: string; host: string }[]
  engine?: string
  cloudMode?: string
  /** Shards of the cluster `main`. */
  shards?: string
}

const uuid = (n: number): string => `00000000-0000-0000-0000-00000000000${n}`

function behind({
  servers = [{ id: uuid(1), host: 'a' }],
  engine,
  cloudMode,
  shards = '0',
}: Behind): Store & { readonly commands: string[] } {
  let turn = 0
  const commands: string[] = []
  const answer = (sql: string): unknown[] => {
    if (sql.includes('serverUUID')) return [servers[turn++ % servers.length]]
    if (sql.includes('cloud_mode')) return cloudMode === undefined ? [] : [{ value: cloudMode }]
    if (sql.includes('system.clusters')) return [{ shards }]
    return engine === undefined ? [] : [{ name: 'flows', engine }]
  }
  return {
    database: 'd',
    commands,
    insert: async () => undefined,
    query: async <T>(sql: string, _: unknown, database?: string) => {
      assert.equal(database, 'system', 'asked where that of the store need not exist')
      return answer(sql) as T[]
    },
    command: async sql => void commands.push(sql),
    close: async () => undefined,
  }
}

const check = (form: ServerForm, what: Behind): Promise<void> => checkServers(behind(what), form, 'http://balancer:8123')
const one: ServerForm = { kind: 'one' }
const cluster: ServerForm = { kind: 'cluster', name: 'main' }
const two = [
  { id: uuid(1), host: 'a' },
  { id: uuid(2), host: 'b' },
]
const refused = (pattern: RegExp) => (error: unknown) => {
  const { code, message } = error as { code: string; message: string }
  assert.equal(code, 'CLICKHOUSE_SERVERS')
  assert.match(message, /^ClickHouse at http:\/\/balancer:8123 is not what the settings say: [^\n]+$/)
  assert.match(message, pattern)
  return true
}

describe('servers behind one address', () => {
  it('are refused where they are more than one and no cluster is named, before anything is made', async () => {
    await assert.rejects(check(one, { servers: two }), refused(/2 servers answer \(a, b\).*clickhouse\.cluster/))
    const store = behind({ servers: two })
    await assert.rejects(migrate(store, { ttlDays: 0, deduplicationWindow: 1000, url: 'http://balancer:8123' }), refused(/2 servers/))
    assert.deepEqual(store.commands, [])
  })

  it('are told apart by host where they have no id, and by id where their hosts have one name', async () => {
    await assert.rejects(check(one, { servers: two.map(({ host }) => ({ id: uuid(0), host })) }), refused(/2 servers/))
    await assert.rejects(check(one, { servers: two.map(({ id }) => ({ id, host: 'same' })) }), refused(/2 servers/))
    await check(one, { servers: [{ id: uuid(0), host: 'a' }], engine: 'MergeTree' })
    await check(one, { servers: [{ id: uuid(1), host: 'a' }], engine: 'ReplacingMergeTree' })
  })

  it('are taken where the cluster is known and has one shard', async () => {
    await check(cluster, { servers: two, shards: '1', engine: 'ReplicatedMergeTree' })
    await assert.rejects(check(cluster, { shards: '0' }), refused(/knows no cluster "main"/))
    await assert.rejects(check(cluster, { shards: '2' }), refused(/2 shards/))
  })

  it('are refused where the tables were made for another form', async () => {
    await assert.rejects(
      check(cluster, { shards: '1', engine: 'MergeTree' }),
      refused(/flows has the engine MergeTree, and clickhouse\.cluster is set/),
    )
    await assert.rejects(check(one, { engine: 'ReplicatedReplacingMergeTree' }), refused(/Replicated.*clickhouse\.cluster is not set/))
    await assert.rejects(check({ kind: 'cloud' }, { engine: 'MergeTree' }), refused(/clickhouse\.cloud is set/))
    await check({ kind: 'cloud' }, { engine: 'SharedMergeTree', servers: two })
  })

  it('are refused where they are ClickHouse Cloud and the settings do not say so', async () => {
    await assert.rejects(check(one, { cloudMode: '1' }), refused(/set clickhouse\.cloud/))
    await check(one, { cloudMode: '0' })
  })
})
