/** docker-compose.yml, Dockerfile and the configuration agree. No container engine is needed. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { z } from 'zod'
import { checkConfig, listSettings, loadConfig } from '../../config/config.ts'
import { topology } from '../../topology.ts'

const root = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

const duration = z.string().regex(/^\d+(ms|s|m)$/)
const condition = z.enum(['service_healthy', 'service_completed_successfully'])
const service = z.strictObject({
  image: z.string(),
  build: z.literal('.').optional(),
  command: z.array(z.string()).optional(),
  restart: z.enum(['unless-stopped', 'on-failure']),
  ports: z.array(z.string().regex(/^127\.0\.0\.1:\d*:\d+$/, 'ports are bound to 127.0.0.1')).default([]),
  environment: z.record(z.string(), z.string()),
  volumes: z.array(z.string().regex(/^[a-z0-9-]+:\/[a-z0-9/-]+$/)).default([]),
  ulimits: z.strictObject({ nofile: z.strictObject({ soft: z.int(), hard: z.int() }) }).optional(),
  depends_on: z.record(z.string(), z.strictObject({ condition })).default({}),
  stop_grace_period: duration.optional(),
  healthcheck: z.union([
    z.strictObject({
      test: z.array(z.string()).min(2),
      interval: duration,
      timeout: duration,
      retries: z.int().min(1),
      start_period: duration.optional(),
    }),
    z.strictObject({ disable: z.literal(true) }),
  ]),
})
const composeSchema = z.strictObject({
  name: z.string(),
  'x-flowloom': z.unknown(),
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
})

const compose = composeSchema.parse(parse(read('docker-compose.yml'), { merge: true }))
const services = Object.entries(compose.services)
const ours = services.filter(([, { image }]) => image.startsWith('flowloom:'))
const configOf = (name: string) => loadConfig({ env: compose.services[name]!.environment })
const portsOf = (name: string): { host: string; container: string }[] =>
  compose.services[name]!.ports.map(port => port.split(':')).map(([, host, container]) => ({ host: host!, container: container! }))

test('every variable of flowloom is a setting and every value passes the check', () => {
  const known = new Set(listSettings().map(setting => setting.env))
  for (const [name, { environment }] of ours) {
    for (const variable of Object.keys(environment)) assert.ok(known.has(variable), `${name}: ${variable}`)
    assert.doesNotThrow(() => checkConfig(configOf(name)), name)
  }
})

test('the check refuses a wrong variable and a wrong value', () => {
  const { environment } = compose.services['enrich']!
  assert.throws(() => loadConfig({ env: { ...environment, FLOWLOOM_KAFKA_BROKER: 'x' } }), /environment variable FLOWLOOM_KAFKA_BROKER\b/)
  assert.throws(() => loadConfig({ env: { ...environment, FLOWLOOM_HTTP_PORT: 'x' } }), /http/)
})

test('every role of the topology runs in one service', () => {
  const roles = ours.flatMap(([, { command }]) => (command?.[0] === 'run' ? command[2]!.split(',') : []))
  assert.deepEqual(
    roles.sort(),
    topology.map(node => node.name).sort(),
    'each part needs a service in docker-compose.yml: `command: [run, --roles, PART]`',
  )
})

test('topics are created before any role starts', () => {
  assert.deepEqual(compose.services['topics']!.command, ['topics', 'apply'])
  assert.deepEqual(Object.keys(compose.services['topics']!.depends_on).sort(), ['kafka', 'registry'])
  for (const [name, { command, depends_on }] of ours)
    if (command?.[0] === 'run') assert.equal(depends_on['topics']?.condition, 'service_completed_successfully', name)
})

test('dependencies exist, and what is waited for to be healthy has a health check', () => {
  for (const [name, { depends_on }] of services) {
    for (const [dependency, { condition: awaited }] of Object.entries(depends_on)) {
      const other = compose.services[dependency]
      assert.ok(other, `${name} depends on ${dependency}`)
      if (awaited === 'service_healthy') assert.ok('test' in other.healthcheck, `${dependency} has no health check`)
      else assert.equal(other.restart, 'on-failure', `${dependency} never completes`)
    }
  }
})

test('every service that stays has a health check', () => {
  for (const [name, { healthcheck, restart }] of services) assert.equal('test' in healthcheck, restart === 'unless-stopped', name)
})

test('every image is pinned', () => {
  const images = [
    ...services.map(([, { image }]) => image),
    ...[...read('Dockerfile').matchAll(/^ARG NODE=(.*)$/gm)].map(([, tag]) => `node:${tag!}`),
  ]
  for (const image of images) assert.match(image, /^[a-z0-9/-]+:(local|\d+\.\d+\.\d+[\w.-]*)$/, image)
  for (const [, from] of read('Dockerfile').matchAll(/^FROM (\S+)/gm)) assert.equal(from, 'node:${NODE}')
})

test('hosts and ports in settings are services and their ports', () => {
  for (const [name] of ours) {
    const { kafka, registry, s3, clickhouse, http } = configOf(name)
    for (const url of [registry.url, s3.endpoint!, clickhouse.url]) {
      const { hostname, port } = new URL(url)
      assert.ok(
        portsOf(hostname).some(({ container }) => container === port),
        `${name}: ${url}`,
      )
    }
    const listeners = compose.services['kafka']!.environment['KAFKA_ADVERTISED_LISTENERS']!
    for (const broker of kafka.brokers) assert.ok(listeners.includes(`//${broker}`), `${name}: ${broker}`)
    if (compose.services[name]!.ports.length > 0) assert.equal(portsOf(name)[0]!.container, String(http.port), name)
  }
})

test('from the host, the defaults of the configuration reach every service', () => {
  const { kafka, registry, clickhouse, http } = checkConfig({})
  assert.ok(compose.services['kafka']!.environment['KAFKA_ADVERTISED_LISTENERS']!.includes(`//${kafka.brokers[0]!}`))
  assert.equal(portsOf('kafka')[0]!.host, kafka.brokers[0]!.split(':')[1])
  assert.equal(portsOf('registry')[0]!.host, new URL(registry.url).port)
  assert.equal(portsOf('clickhouse')[0]!.host, new URL(clickhouse.url).port)
  assert.match(read('Dockerfile'), new RegExp(`EXPOSE ${http.port}\\n`))
})

test('the bucket of the settings is made by the S3 server', () => {
  const buckets = compose.services['s3']!.environment['COM_ADOBE_TESTING_S3MOCK_STORE_INITIAL_BUCKETS']!.split(',')
  for (const { bucket } of configOf('discover').s3.sources) assert.ok(buckets.includes(bucket))
})

test('a stop has the time that the configuration allows', () => {
  for (const [name, { stop_grace_period }] of ours)
    assert.ok(Number.parseInt(stop_grace_period!) * 1000 > configOf(name).run.shutdownGraceMs, name)
})

test('every volume is declared and used', () => {
  const used = services.flatMap(([, { volumes }]) => volumes.map(volume => volume.split(':')[0]!))
  assert.deepEqual(used.sort(), Object.keys(compose.volumes).sort())
})

test('the image has the versions of package.json', () => {
  const { devDependencies } = JSON.parse(read('package.json')) as { devDependencies: Record<string, string> }
  for (const [, name, version] of read('Dockerfile').matchAll(/(@ip-location-db\/[a-z-]+)@(\S+)/g))
    assert.equal(devDependencies[name!], version)
  const [, typescript, types] = /typescript@(\S+) @types\/node@(\S+)/.exec(read('Dockerfile'))!
  assert.deepEqual([devDependencies['typescript'], devDependencies['@types/node']], [typescript, `^${types!}`])
})

/** Everything that these files import without `import()`: files and packages. */
function staticImports(starts: readonly string[]): { files: Set<string>; packages: Map<string, string> } {
  const files = new Set<string>()
  const packages = new Map<string, string>()
  const visit = (file: string): void => {
    if (files.has(file) || !existsSync(file)) return
    files.add(file)
    for (const [, typeOnly, from] of readFileSync(file, 'utf8').matchAll(
      /^(?:import|export)\s+(type\s)?(?:[^'"]*?\sfrom\s+)?'([^']+)'/gm,
    )) {
      if (typeOnly !== undefined || from!.startsWith('node:')) continue
      if (from!.startsWith('.')) visit(resolve(dirname(file), from!))
      else packages.set(from!.split('/', from!.startsWith('@') ? 2 : 1).join('/'), relative(root, file))
    }
  }
  for (const start of starts) visit(join(root, start))
  return { files, packages }
}

test('the image has every file and package that the commands need to start', () => {
  const commands = [...read('cli/main.ts').matchAll(/import\('(.+?)'\)/g)].map(([, path]) => `cli/${path!}`)
  assert.ok(commands.length > 10)
  const { files, packages } = staticImports(['cli/main.ts', ...commands])
  assert.ok(files.size > 100 && packages.size > 5, `${files.size} files, ${packages.size} packages`)
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const left = new Set(
    read('.dockerignore')
      .split('\n')
      .filter(line => /^\w+$/.test(line)),
  )
  for (const [name, file] of packages) assert.ok(name in dependencies, `${file} imports ${name}, which is for development only`)
  for (const file of files) {
    const folder = relative(root, file).split('/')[0]!
    assert.ok(!left.has(folder), `${relative(root, file)} is not in the image: import it with import()`)
  }
})
