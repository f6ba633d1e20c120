/** Looks at start whether the servers behind the address are those that the settings say. */
import { FlowError } from '../../runtime/errors.ts'
import type { ServerForm } from './ddl.ts'
import { memoryTables, tableNames, type Store } from './store.ts'

/** Database that each server has: that of the store may not be made yet. */
const anyDatabase = 'system'

/** Calls at once, each on a connection of its own: a balancer sends them to different servers. */
const calls = 8

const noUuid = '00000000-0000-0000-0000-000000000000'

/** What a server says of itself. */
interface Server {
  readonly id: string
  readonly host: string
}

/**
 * Compares the servers, and the engines of the tables there are, with the settings.
 *
 * @param subject Where the store is, for the message.
 * @throws FlowError CLICKHOUSE_SERVERS.
 */
export async function checkServers(store: Store, form: ServerForm, subject: string): Promise<void> {
  const refuse = (detail: string): FlowError => new FlowError('CLICKHOUSE_SERVERS', { url: subject, detail })
  if (form.kind === 'cluster') {
    const [cluster] = await store.query<{ shards: string }>(
      'SELECT toString(uniqExact(shard_num)) AS shards FROM system.clusters WHERE cluster = {name:String}',
      { name: form.name },
      anyDatabase,
    )
    const shards = cluster?.shards ?? '0'
    if (shards === '0') throw refuse(`the server knows no cluster "${form.name}" (clickhouse.cluster); SELECT cluster FROM system.clusters`)
    if (shards !== '1')
      throw refuse(`the cluster "${form.name}" has ${shards} shards, and a question would see the rows of one: take one with one shard`)
  }
  if (form.kind === 'one') {
    const hosts = await servers(store)
    if (hosts.length > 1)
      throw refuse(
        `${hosts.length} servers answer (${hosts.join(', ')}), and rows would be in one of them: set clickhouse.cluster, or name one server`,
      )
    if (await isCloud(store)) throw refuse('it is ClickHouse Cloud: set clickhouse.cloud')
  }
  const wrong = await wrongEngine(store, form)
  if (wrong !== undefined)
    throw refuse(
      `the table ${wrong.name} has the engine ${wrong.engine}, and clickhouse.${wrong.setting}; tables do not change their form: take another clickhouse.database`,
    )
}

/** Hosts of different servers, in order. */
async function servers(store: Store): Promise<string[]> {
  const answers = await Promise.all(
    Array.from({ length: calls }, () => store.query<Server>('SELECT toString(serverUUID()) AS id, hostName() AS host', {}, anyDatabase)),
  )
  const found = new Map<string, string>()
  // an engine without an id of its own is known by its host
  for (const { id, host } of answers.flat()) found.set(id === noUuid ? host : id, host)
  return [...found.values()].sort()
}

async function isCloud(store: Store): Promise<boolean> {
  const [setting] = await store.query<{ value: string }>("SELECT value FROM system.settings WHERE name = 'cloud_mode'", {}, anyDatabase)
  return setting?.value === '1'
}

/** A table that was made for another form. */
async function wrongEngine(store: Store, form: ServerForm): Promise<{ name: string; engine: string; setting: string } | undefined> {
  const tables = await store.query<{ name: string; engine: string }>(
    "SELECT name, engine FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree' AND name IN {names:Array(String)} ORDER BY name",
    { database: store.database, names: [...tableNames, ...memoryTables] },
    anyDatabase,
  )
  const setting = form.kind === 'cluster' ? 'cluster is set' : form.kind === 'cloud' ? 'cloud is set' : 'cluster is not set'
  const wrong = tables.find(({ engine }) => formOfEngine(engine) !== form.kind)
  return wrong === undefined ? undefined : { ...wrong, setting }
}

/** Which form an engine is of. */
function formOfEngine(engine: string): ServerForm['kind'] {
  if (engine.startsWith('Replicated')) return 'cluster'
  return engine.startsWith('Shared') ? 'cloud' : 'one'
}
