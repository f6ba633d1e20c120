/**
 * The real services for integration tests: those of FLOWLOOM_TEST_ENDPOINTS (JSON; the test runner starts one stack for all files), else a
 * stack of the calling file. Every test takes its own deployment: topic prefix, groups, bucket and database never meet.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { loadConfig, type Config, type RawConfig } from '../config/config.ts'
import { startStack, type Stack, type StackEndpoints } from '../stack/local-stack.ts'

let own: { stack: Stack; dir: string } | undefined

/** Where the services are. Starts a stack where the environment names none. */
export async function endpoints(): Promise<StackEndpoints> {
  const given = process.env['FLOWLOOM_TEST_ENDPOINTS']
  if (given !== undefined) return JSON.parse(given) as StackEndpoints
  if (own === undefined) {
    const dir = mkdtempSync(join(tmpdir(), 'flowloom-test-'))
    own = { dir, stack: await startStack({ dataDir: dir, ports: 'free' }) }
  }
  return own.stack.endpoints
}

/** Ends the stack of this file, where it has its own. */
export async function releaseStack(): Promise<void> {
  await own?.stack.stop()
  if (own !== undefined) rmSync(own.dir, { recursive: true, force: true })
  own = undefined
}

/** In the place of the key in `s3`: other credentials count. */
export const noKey = { accessKeyId: undefined, secretAccessKey: undefined }

/** In the place of the tables in `lookups`: a probe need not load the default ones, which takes seconds. */
export const noTables = { country: 'none', asn: 'none' }

/** Settings of a fresh deployment on the real services. */
export async function freshSettings(overrides: RawConfig = {}): Promise<RawConfig> {
  return settingsFor(await endpoints(), overrides)
}

/** Settings of a fresh deployment on the given services. */
export function settingsFor(
  { kafkaBrokers, registryUrl, s3Endpoint, clickhouseUrl }: StackEndpoints,
  overrides: RawConfig = {},
): RawConfig {
  const name = `t${randomBytes(4).toString('hex')}`
  const base: RawConfig = {
    kafka: {
      brokers: kafkaBrokers,
      topicPrefix: `${name}.`,
      deployment: name,
      partitions: 4,
      fewPartitions: 2,
      createTopics: true,
      sessionTimeoutMs: 3000,
      heartbeatIntervalMs: 500,
      rebalanceTimeoutMs: 6000,
      commitIntervalMs: 200,
    },
    registry: { url: registryUrl },
    s3: {
      sources: [{ bucket: name, prefix: '' }],
      endpoint: s3Endpoint,
      pathStyle: true,
      accessKeyId: 'test',
      secretAccessKey: 'test',
      pollIntervalMs: 500,
      retryBaseMs: 100,
    },
    clickhouse: { url: clickhouseUrl, database: name, insertIntervalMs: 200 },
    http: { port: 0 },
    log: { level: process.env['FLOWLOOM_TEST_LOG'] ?? 'error' },
  }
  for (const [section, values] of Object.entries(overrides)) base[section] = { ...base[section], ...values }
  return base
}

/** The same as a checked configuration. */
export async function freshConfig(overrides: RawConfig = {}): Promise<Config> {
  return loadConfig({ env: {}, overrides: await freshSettings(overrides) })
}
