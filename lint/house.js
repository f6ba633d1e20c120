/**
 * Who may import whom: one row for each folder, checked by lint/house-rule.js. A file belongs to the row of the longest path that it is under.
 * It may import its own folder, the folders and files in `may`, and the packages in `packages` (modules of Node included).
 *
 * `pure`: what comes out depends on arguments alone: no clock, no environment, no chance. True for all files of the folder, or for the names
 * listed (`*` at the end stands for any rest); such files import no package but those in `purePackages`, and of runtime/ only what is pure.
 */

/** Modules of Node that only compute. */
const computing = ['node:buffer', 'node:crypto', 'node:util', 'node:zlib']
/** Files of runtime/ that pure files may use: they open nothing, read no clock and log nothing. */
export const pureRuntime = ['runtime/avro.ts', 'runtime/errors.ts', 'runtime/memory.ts', 'runtime/partition.ts', 'runtime/records.ts']

const aws = ['@aws-sdk/client-ec2', '@aws-sdk/client-s3', '@aws-sdk/client-sqs', '@aws-sdk/credential-providers']
/** The settings: how they are loaded, and what is wrong with them. */
const config = ['config.ts', 'config-sections.ts', 'config-source.ts', 'config-hints.ts', 'config-faults.ts', 'config-values.ts']
const commands = [
  'audit',
  'cli',
  'config.ts',
  'producers/s3',
  'runtime',
  'runtime/kafka',
  'runtime/processes',
  'schemas',
  'sinks/clickhouse',
  'topology.ts',
]

/** The house: see the head of ARCHITECTURE.md for what each folder is. */
export const house = [
  // a link to bin/flowloom.cjs
  { folder: 'main.ts', may: [], packages: [] },
  { folder: 'cli/main.ts', may: ['cli', 'cli/dead-letters', 'cli/demo', 'cli/replay', 'runtime'], packages: [] },
  {
    folder: 'topology.ts',
    may: ['config.ts', 'processors/enrich', 'processors/ip-context', 'producers/s3', 'runtime', 'schemas', 'sinks/clickhouse'],
    packages: [],
  },
  { folder: 'config.ts', may: [...config, 'runtime'], packages: ['node:fs', 'yaml', 'zod'] },
  {
    folder: 'config-sections.ts',
    may: [...config, 'producers/s3', 'runtime/kafka', 'sinks/clickhouse/time-to-live.ts'],
    packages: ['node:net', 'zod'],
  },
  { folder: 'config-source.ts', may: [...config, 'producers/s3'], packages: [] },
  { folder: 'config-hints.ts', may: [...config, 'producers/s3', 'schemas'], packages: [] },
  { folder: 'config-faults.ts', may: [...config, 'runtime'], packages: ['zod'] },
  { folder: 'config-values.ts', may: [...config, 'producers/s3'], packages: ['node:net'] },

  { folder: 'schemas', may: [], pure: true, packages: ['node:crypto'] },
  {
    folder: 'producers/s3',
    may: ['config.ts', 'runtime', 'schemas'],
    packages: [
      ...computing,
      ...aws,
      '@node-rs/crc32',
      'hyparquet',
      'hyparquet/*',
      'node:stream',
      'node:timers/*',
      'node:v8',
      'node:worker_threads',
    ],
    pure: ['key-layout.ts', 'line-blocks.ts', 'source-layout.ts', 'log-format.ts', 'header-line.ts', 'flow-log-headers.ts'],
    purePackages: ['node:buffer', 'node:crypto'],
  },
  { folder: 'producers/synthetic', may: ['audit', 'schemas'], pure: true, packages: ['node:zlib'] },

  {
    folder: 'processors/enrich',
    may: ['config.ts', 'processors/enrich/encode', 'processors/enrich/lookups', 'processors/enrich/parse', 'runtime', 'schemas'],
    packages: ['node:crypto'],
    pure: ['annotate*', 'direction*', 'forwarders*', 'add-range*', 'sightings*', 'times*', 'line-check*', 'rows-of*', 'parsers*'],
    purePackages: [],
  },
  { folder: 'processors/enrich/parse', may: ['schemas'], pure: true, packages: ['node:buffer'] },
  {
    folder: 'processors/enrich/encode',
    may: ['processors/enrich/lookups', 'processors/enrich/parse', 'runtime', 'schemas'],
    pure: true,
    packages: ['avsc'],
  },
  {
    folder: 'processors/enrich/lookups',
    may: ['config.ts', 'processors/enrich/parse', 'runtime'],
    packages: ['node:fs/promises', 'node:module', 'node:path', 'node:worker_threads', 'node:zlib'],
    pure: [
      'address-*',
      'aws-ranges*',
      'delimited-lines*',
      'disjoint-ranges*',
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
    packages: ['node:timers/*'],
    pure: ['address*', 'changes*', 'conflicts*', 'day-*', 'owners*', 'run-differences*', 'sighting-days*', 'timeline*'],
    purePackages: [],
  },

  {
    folder: 'sinks/clickhouse',
    may: ['config.ts', 'runtime', 'schemas', 'sinks/clickhouse/columns'],
    packages: ['@clickhouse/client', 'node:crypto', 'node:fs', 'node:net', 'node:path', 'node:stream', 'node:stream/*', 'node:timers/*'],
    pure: ['ddl*', 'time-to-live*'],
    purePackages: [],
  },
  { folder: 'sinks/clickhouse/columns', may: ['runtime', 'schemas'], pure: true, packages: ['node:crypto'] },

  {
    folder: 'runtime',
    may: ['config.ts', 'schemas'],
    packages: [
      '@kafkajs/confluent-schema-registry',
      'avsc',
      'node:http',
      'node:net',
      'node:path',
      'node:timers/*',
      'node:url',
      'pino',
      'prom-client',
    ],
    pure: pureRuntime.map(path => path.slice('runtime/'.length)),
    purePackages: ['avsc'],
  },
  { folder: 'runtime/processes', may: ['runtime'], packages: ['node:child_process', 'node:fs', 'node:timers/*', 'node:url'] },
  {
    folder: 'runtime/kafka',
    may: ['config-sections.ts', 'config.ts', 'runtime', 'schemas'],
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
    ],
  },

  {
    folder: 'audit',
    may: ['config.ts', 'producers/s3', 'runtime', 'runtime/kafka', 'schemas', 'sinks/clickhouse'],
    packages: [...computing, 'hyparquet', 'node:events', 'node:net'],
  },
  {
    folder: 'cli',
    may: [
      ...commands,
      'cli/coverage-report',
      'cli/dead-letters',
      'cli/replay',
      'config-hints.ts',
      'config-values.ts',
      'processors/enrich/lookups',
    ],
    packages: ['node:net', 'node:os', 'node:timers/*', 'node:tls', 'node:util'],
  },
  {
    folder: 'cli/coverage-report',
    may: ['cli', 'config.ts', 'producers/s3', 'runtime', 'schemas', 'sinks/clickhouse'],
    packages: [],
    pure: ['silences*', 'slots*', 'verdict*'],
    purePackages: [],
  },
  { folder: 'cli/dead-letters', may: [...commands, 'processors/enrich', 'processors/enrich/parse'], packages: [] },
  {
    folder: 'cli/demo',
    may: [...commands, 'producers/synthetic', 'stack'],
    packages: ['@aws-sdk/client-s3', 'node:child_process', 'node:fs', 'node:net', 'node:path', 'node:timers/*', 'node:url', 'node:zlib'],
  },
  { folder: 'cli/replay', may: commands, packages: ['node:timers/*'] },

  {
    folder: 'reference',
    may: ['config.ts', 'processors/enrich/parse', 'producers/s3', 'runtime', 'schemas'],
    packages: ['node:fs', 'node:path', 'node:url', 'zod'],
  },
  { folder: 'stack', may: [], packages: ['chdb', 'fauxqs', 'node:*'] },
  { folder: 'build', may: [], packages: ['node:*', 'typescript'] },
  { folder: 'lint', may: [], packages: ['eslint', 'node:path'] },
  { folder: 'bench', may: ['*'], packages: ['*'] },
  { folder: 'examples', may: [], packages: ['*'] },
  { folder: 'examples/clickhouse-cluster', may: ['config.ts', 'schemas', 'sinks/clickhouse'], packages: ['*'] },
  { folder: 'test', may: ['*'], packages: ['*'] },
]

/** Row of a file, by its path from the root; undefined if no row names it. */
export function rowOf(path) {
  return house.filter(({ folder }) => path === folder || path.startsWith(`${folder}/`)).sort((a, b) => b.folder.length - a.folder.length)[0]
}

/** Whether a file must be pure by its row. */
export function isPure(path, { folder, pure }) {
  if (pure === undefined || pure === true) return pure === true
  const name = path.slice(folder.length + 1)
  return pure.some(one => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one))
}
