/**
 * Who may import whom: one row for each folder, checked by lint/house-rule.js. A file belongs to the row of the longest path that it is under.
 * It may import its own folder, the folders and files in `may`, and the packages in `packages` (modules of Node included).
 *
 * `*` in a folder stands for one name: that is the row of a part without a row of its own, so a new part needs none until it uses a package of its
 * own or says which of its files are pure. `*` in `may` stands for any part of one name, `**` for any path.
 *
 * `pure`: what comes out depends on arguments alone: no clock, no environment, no chance. True for all files of the folder, or for the names
 * listed (`*` at the end stands for any rest); such files import no package but those in `purePackages`, and of runtime/ only what is pure.
 */

/** Modules of Node that only compute. */
const computing = ['node:buffer', 'node:crypto', 'node:util', 'node:zlib']
/** The settings of runtime/kafka, and what is wrong with them. */
const pureKafka = ['broker-fault.ts', 'settings-faults.ts', 'settings-hints.ts', 'settings.ts']
/** Files of runtime/ that pure files may use: they open nothing, read no clock and log nothing. */
export const pureRuntime = [
  'runtime/avro.ts',
  'runtime/counted.ts',
  'runtime/errors.ts',
  'runtime/memory.ts',
  'runtime/nearest-name.ts',
  'runtime/partial-settings.ts',
  'runtime/partition.ts',
  'runtime/probe-result.ts',
  'runtime/records.ts',
  'runtime/setting-types.ts',
  'runtime/settings.ts',
  'runtime/side-table.ts',
  'runtime/utc-text.ts',
  'runtime/value-checks.ts',
  ...pureKafka.map(name => `runtime/kafka/${name}`),
]

/** The rooms of producers/s3. */
const s3 = ['discover', 'fetch', 'notify', 'objects', 'parquet', 'text'].map(room => `producers/s3/${room}`)

/** The rooms of operations/. */
const rooms = ['backfill', 'coverage', 'dead-letters', 'demo', 'probe', 'replay'].map(room => `operations/${room}`)

/** The house: see the head of ARCHITECTURE.md for what each folder is. */
export const house = [
  // a link to bin/flowloom.cjs
  { folder: 'main.ts', may: [], packages: [] },
  { folder: 'cli/main.ts', may: ['cli', 'cli/arguments', 'cli/print', 'runtime', 'runtime/processes'], packages: ['node:util'] },
  {
    folder: 'topology.ts',
    may: ['config', 'processors/*/*-part.ts', 'producers/**/*-part.ts', 'runtime', 'schemas', 'sinks/*/*-part.ts'],
    packages: [],
  },
  {
    folder: 'config',
    may: ['aws', 'processors/**/settings*.ts', 'producers/**/settings*.ts', 'runtime', 'runtime/kafka', 'sinks/**/settings*.ts'],
    packages: ['node:fs', 'yaml', 'zod'],
    pure: ['endpoint-hints*', 'faults*', 'hints*', 'judge-settings*', 'record-size*', 'sections*'],
    purePackages: ['zod'],
  },
  {
    folder: 'aws',
    may: ['runtime'],
    packages: ['@aws-sdk/credential-providers', 'zod'],
    pure: ['identities*', 'regions*', 'request-limits*', 'settings*'],
    purePackages: ['zod'],
  },

  // a part that has no row of its own
  ...['processors/*', 'producers/*', 'sinks/*'].map(folder => ({
    folder,
    may: ['aws', 'flow', 'runtime', 'runtime/ranges', 'schemas'],
    packages: [
      ...computing,
      'node:fs',
      'node:fs/promises',
      'node:net',
      'node:path',
      'node:stream',
      'node:stream/*',
      'node:timers/*',
      'zod',
    ],
  })),

  { folder: 'flow', may: [], pure: true, packages: [] },
  { folder: 'schemas', may: ['flow'], pure: true, packages: ['node:crypto'] },
  {
    folder: 'producers/s3',
    may: ['aws', 'producers/s3/text', 'runtime'],
    packages: ['zod'],
    pure: true,
  },
  {
    folder: 'producers/s3/objects',
    may: ['aws', 'producers/s3', 'runtime', 'schemas'],
    packages: ['@aws-sdk/client-s3', 'node:crypto', 'node:stream'],
    pure: ['key-layout.ts', 'source-layout.ts'],
    purePackages: [],
  },
  {
    folder: 'producers/s3/discover',
    may: ['producers/s3', 'producers/s3/objects', 'runtime', 'schemas'],
    packages: ['node:timers/*'],
  },
  {
    folder: 'producers/s3/notify',
    may: ['aws', 'producers/s3', 'producers/s3/objects', 'runtime', 'schemas'],
    packages: ['@aws-sdk/client-sqs', 'node:timers/*'],
    pure: ['notify-events*'],
    purePackages: [],
  },
  {
    folder: 'producers/s3/text',
    may: ['flow', 'runtime', 'schemas'],
    packages: [...computing, '@node-rs/crc32', 'node:stream'],
    pure: ['column-names*', 'csv-records*', 'field-words*', 'header-line*', 'line-blocks*', 'log-format*', 'structured-records*'],
    purePackages: ['node:crypto'],
  },
  {
    folder: 'producers/s3/parquet',
    may: ['flow', 'producers/s3/text', 'runtime', 'schemas'],
    packages: ['hyparquet', 'hyparquet/*', 'node:v8', 'node:worker_threads', 'node:zlib'],
  },
  {
    folder: 'producers/s3/fetch',
    may: ['aws', 'producers/s3', 'producers/s3/objects', 'producers/s3/parquet', 'producers/s3/text', 'runtime', 'schemas'],
    packages: ['@aws-sdk/client-ec2', 'node:stream'],
    pure: ['flow-log-headers*', 'source-headers*'],
    purePackages: [],
  },
  { folder: 'producers/synthetic', may: ['flow', 'schemas'], pure: true, packages: ['node:zlib'] },

  {
    folder: 'processors/enrich',
    may: ['flow', 'processors/enrich/encode', 'processors/enrich/lookups', 'processors/enrich/parse', 'runtime', 'schemas'],
    packages: ['node:crypto', 'node:net', 'zod'],
    pure: ['annotate*', 'direction*', 'forwarders*', 'add-range*', 'sightings*', 'times*', 'line-check*', 'rows-of*', 'parsers*'],
    purePackages: [],
  },
  { folder: 'processors/enrich/parse', may: ['flow', 'schemas'], pure: true, packages: ['node:buffer'] },
  {
    folder: 'processors/enrich/encode',
    may: ['flow', 'processors/enrich/lookups', 'runtime', 'schemas'],
    pure: true,
    packages: ['avsc'],
  },
  {
    folder: 'processors/enrich/lookups',
    may: ['flow', 'runtime'],
    packages: ['node:fs/promises', 'node:module', 'node:path', 'node:worker_threads', 'node:zlib', 'zod'],
    pure: [
      'address-*',
      'attribute-readers*',
      'aws-ranges*',
      'delimited-lines*',
      'disjoint-ranges*',
      'entry-pool*',
      'lookup-set*',
      'mmdb-values*',
      'protocol-names*',
      'range-*',
      'service-names*',
      'table-columns*',
      'table-values*',
      'threat-lists*',
    ],
    purePackages: [],
  },
  {
    folder: 'processors/ip-context',
    may: ['runtime', 'schemas'],
    packages: ['node:timers/*', 'zod'],
    pure: ['address*', 'changes*', 'conflicts*', 'day-*', 'owners*', 'run-differences*', 'sighting-days*', 'timeline*'],
    purePackages: [],
  },

  {
    folder: 'sinks/clickhouse',
    may: ['flow', 'runtime', 'runtime/ranges', 'schemas', 'sinks/clickhouse/columns'],
    packages: [
      '@clickhouse/client',
      'node:crypto',
      'node:fs',
      'node:net',
      'node:path',
      'node:stream',
      'node:stream/*',
      'node:timers/*',
      'zod',
    ],
    pure: ['ddl*', 'settings*', 'time-to-live*'],
    purePackages: ['zod'],
  },
  { folder: 'sinks/clickhouse/columns', may: ['flow', 'runtime', 'schemas'], pure: true, packages: ['node:crypto'] },

  {
    folder: 'runtime',
    may: ['schemas'],
    packages: [
      '@kafkajs/confluent-schema-registry',
      'avsc',
      'node:fs',
      'node:http',
      'node:net',
      'node:path',
      'node:timers/*',
      'node:url',
      'pino',
      'prom-client',
      'zod',
    ],
    pure: pureRuntime.filter(path => !path.startsWith('runtime/kafka/')).map(path => path.slice('runtime/'.length)),
    purePackages: ['avsc', 'zod'],
  },
  {
    folder: 'runtime/ranges',
    may: ['runtime', 'schemas'],
    packages: [],
    pure: ['announced-range*', 'looks*', 'take-records*'],
    purePackages: [],
  },
  { folder: 'runtime/processes', may: ['runtime'], packages: ['node:child_process', 'node:fs', 'node:timers/*', 'node:url'] },
  {
    folder: 'runtime/kafka',
    may: ['runtime', 'schemas'],
    packages: [
      ...computing,
      '@node-rs/crc32',
      'aws-msk-iam-sasl-signer-js',
      'kafkajs',
      'kafkajs/*',
      'lz4-napi',
      'node:async_hooks',
      'node:fs',
      'node:module',
      'node:timers/*',
      'zod',
    ],
    pure: pureKafka,
    purePackages: ['zod'],
  },

  {
    folder: 'audit',
    may: ['flow', 'producers/s3', ...s3, 'runtime', 'runtime/kafka', 'schemas', 'sinks/clickhouse'],
    packages: [...computing, 'hyparquet', 'node:events', 'node:net'],
  },
  {
    folder: 'operations',
    may: [
      'audit',
      'config',
      'producers/s3/objects',
      'runtime',
      'runtime/kafka',
      'runtime/processes',
      'schemas',
      'sinks/clickhouse',
      'topology.ts',
    ],
    packages: ['node:child_process', 'node:net', 'node:os', 'node:timers/*', 'node:url'],
    pure: ['s3-place*'],
    purePackages: [],
  },
  {
    folder: 'operations/backfill',
    may: ['operations', 'producers/s3', 'producers/s3/objects', 'runtime', 'runtime/kafka', 'schemas'],
    packages: ['node:timers/*'],
  },
  {
    folder: 'operations/coverage',
    may: ['config', 'operations', 'producers/s3', 'producers/s3/objects', 'runtime', 'runtime/kafka', 'schemas', 'sinks/clickhouse'],
    packages: ['node:util'],
    pure: ['silences*', 'slots*', 'verdict*', 'waiting*'],
    purePackages: [],
  },
  {
    folder: 'operations/dead-letters',
    may: ['audit', 'operations', 'processors/enrich', 'producers/s3/fetch', 'runtime', 'runtime/kafka', 'schemas', 'topology.ts'],
    packages: [],
  },
  {
    folder: 'operations/demo',
    may: ['audit', 'config', 'operations', 'producers/synthetic', 'runtime', 'runtime/kafka', 'sinks/clickhouse', 'stack', 'topology.ts'],
    packages: ['@aws-sdk/client-s3', 'node:fs', 'node:path', 'node:timers/*', 'node:zlib'],
  },
  {
    folder: 'operations/probe',
    may: ['aws', 'config', 'operations', 'runtime', 'runtime/kafka', 'schemas', 'topology.ts'],
    packages: ['node:net', 'node:tls'],
  },
  {
    folder: 'operations/replay',
    may: ['config', 'operations', 'runtime', 'runtime/kafka', 'schemas', 'sinks/clickhouse', 'topology.ts'],
    packages: ['node:timers/*'],
  },

  {
    folder: 'cli',
    may: ['cli/arguments', 'cli/print', 'config', 'operations', ...rooms, 'producers/s3', 'runtime', 'topology.ts'],
    packages: ['node:net'],
  },
  { folder: 'cli/arguments', may: ['operations', 'producers/s3', 'runtime'], packages: ['node:util'] },
  { folder: 'cli/print', may: ['audit', 'operations', ...rooms, 'runtime', 'schemas', 'topology.ts'], pure: true, packages: [] },

  {
    folder: 'reference',
    may: ['config', 'flow', 'runtime', 'schemas', 'topology.ts'],
    packages: ['node:fs', 'node:path', 'node:url', 'zod'],
  },
  { folder: 'stack', may: [], packages: ['chdb', 'fauxqs', 'node:*'] },
  { folder: 'build', may: [], packages: ['node:*', 'typescript'] },
  { folder: 'lint', may: [], packages: ['eslint', 'node:path'] },
  // what benches and tests run on; neither it nor a bench takes anything of the tests
  {
    folder: 'harness',
    may: [
      'cli/run.ts',
      'config',
      'operations',
      'processors/enrich',
      'processors/enrich/encode',
      'processors/enrich/lookups',
      'producers/s3/objects',
      'runtime',
      'runtime/kafka',
      'schemas',
      'sinks/clickhouse',
      'stack',
      'topology.ts',
    ],
    packages: ['@aws-sdk/client-s3', 'node:*'],
  },
  {
    folder: 'bench',
    may: [
      'cli/run.ts',
      'config',
      'flow',
      'harness',
      'operations',
      'processors/enrich',
      'processors/enrich/encode',
      'processors/enrich/lookups',
      'processors/enrich/parse',
      'processors/ip-context',
      'producers/s3/fetch',
      'producers/synthetic',
      'runtime',
      'runtime/kafka',
      'schemas',
      'sinks/clickhouse',
      'sinks/clickhouse/columns',
      'stack',
    ],
    packages: ['*'],
  },
  { folder: 'examples', may: [], packages: ['*'] },
  { folder: 'examples/clickhouse-cluster', may: ['config', 'schemas', 'sinks/clickhouse'], packages: ['*'] },
  { folder: 'test', may: ['*'], packages: ['*'] },
]

const holds = (folder, path) => path === folder || path.startsWith(`${folder}/`)
/** Rows made of a row with `*`, by folder: one object for each, so that two folders are two rows. */
const made = new Map()

/** Row of a file, by its path from the root; undefined if no row names it. */
export function rowOf(path) {
  const own = house.filter(({ folder }) => holds(folder, path)).sort((a, b) => b.folder.length - a.folder.length)[0]
  if (own !== undefined) return own
  const [top, name, ...rest] = path.split('/')
  const pattern = house.find(({ folder }) => folder === `${top}/*`)
  if (pattern === undefined || rest.length === 0) return undefined
  const folder = `${top}/${name}`
  if (!made.has(folder)) made.set(folder, { ...pattern, folder })
  return made.get(folder)
}

const expression = pattern =>
  new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('**', '\0').replaceAll('*', '[^/]*').replaceAll('\0', '.*')}$`)

/** Whether a row allows to import a file of another row. */
export function allows({ may }, to, target) {
  return may.some(one => one === '*' || one === to.folder || one === target || (one.includes('*') && expression(one).test(target)))
}

/** Whether a file must be pure by its row. */
export function isPure(path, { folder, pure }) {
  if (pure === undefined || pure === true) return pure === true
  const name = path.slice(folder.length + 1)
  return pure.some(one => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one))
}
