/** Section `clickhouse`: the server, the size of inserts, and how long rows are kept. */
import { z } from 'zod'
import { isSet } from '../../runtime/partial-settings.ts'
import { httpUrl, secret, text, whole, withRules, type SettingRule } from '../../runtime/setting-types.ts'
import { httpUrlFault, type ValueCheck } from '../../runtime/value-checks.ts'
import { ttlRules } from './time-to-live.ts'

/** URL of ClickHouse: the database and other parameters have settings of their own. */
export const clickhouseUrlFault: ValueCheck = value => {
  const fault = httpUrlFault(value)
  const native = /^(?:jdbc:)?(?:clickhouse|ch|tcp)(?:\+\w+)?:\/\/(?:[^@/]*@)?([^:/?\s]*)/i.exec(value)
  if (native !== null) return `not the URL of the HTTP interface: write http://${native[1]!}:8123, or https://${native[1]!}:8443 with TLS`
  if (fault !== undefined) return fault
  const url = new URL(value)
  const plain = url.origin
  const [database, ...more] = [...url.pathname.split('/').filter(part => part !== ''), ...url.searchParams.getAll('database')]
  if (database !== undefined && more.length === 0)
    return `the database is a setting of its own: write url: ${plain} and set clickhouse.database: ${database}`
  if (database !== undefined || url.search !== '' || url.hash !== '')
    return `what follows the port is not used: write url: ${plain}; database, username and password are settings of their own`
  return undefined
}

const clickhouseFields = z.strictObject({
  url: httpUrl('HTTP endpoint: scheme, host and port.', clickhouseUrlFault).default('http://127.0.0.1:8123'),
  database: text('Database; made if missing.').default('flowloom'),
  username: text('User name.').default('default'),
  password: secret('Password.').optional(),
  cluster: text(
    'Name of the cluster (one shard, any number of replicas) if more than one server answers at `url`: tables are replicated, and made on all of them.',
  )
    .min(1)
    .optional(),
  cloud: z.boolean().default(false).describe('It is ClickHouse Cloud.'),
  insertQuorum: text('Replicas of `cluster` that must have an insert before it counts: `auto` is the majority, else a number.')
    .regex(/^(?:auto|[1-9]\d*)$/, 'neither auto nor a number from 1')
    .default('auto'),
  insertRows: whole('Most rows in one insert.', 1).default(200_000),
  insertBytes: whole(
    'Most bytes that the rows of one insert take in memory, with what is kept of earlier ones and the block that is sent; looked at after some hundred rows.',
    65_536,
  ).default(134_217_728),
  insertIntervalMs: whole(
    'Least time between two inserts of a partition, however few their rows are. Up to three times as long where more than four partitions of a process have rows; ten times as long where the topic has the rest of an insert already. After a pause rows wait for a quarter of it.',
    10,
  ).default(1000),
  insertTimeoutMs: whole('An insert that takes longer is repeated.', 1000).default(60_000),
  ttlDays: whole(
    'Days that flows are kept after they started (after they were stored if the log says no time that can be); 0 for ever.',
  ).default(0),
  gapsTtlDays: whole('The same for NODATA and SKIPDATA; at least `ttlDays`.').default(0),
  objectsTtlDays: whole(
    'Days that the newest state of an object is kept after it was stored; 0 for ever, else at least `ttlDays`.',
  ).default(0),
  cloudMapTtlDays: whole('Days that a run of the cloud map is kept after its last second; 0 for ever, else at least `ttlDays`.').default(0),
  deadLettersTtlDays: whole(
    'Days that dead letters, and what was sent back of them, are kept after they were recorded; 0 for ever, else at least `ttlDays`.',
  ).default(0),
  deduplicationWindow: whole(
    'Parts that the server remembers to drop a repetition: an insert makes one for each day (UTC) of its flows, at most 366.',
    1000,
  ).default(10_000),
})

/** Section `clickhouse` as checked. */
export type ClickHouseSettings = z.infer<typeof clickhouseFields>

const oneForm: SettingRule<ClickHouseSettings> = settings =>
  settings.cloud && isSet(settings, 'cluster')
    ? [{ key: 'cloud', message: 'ClickHouse Cloud has no cluster to name: set cloud or cluster' }]
    : []

/** Its settings. */
export const clickhouseSection = withRules(clickhouseFields, [oneForm, ...ttlRules])
