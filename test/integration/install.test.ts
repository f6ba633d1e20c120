/** The package: what it holds, and that it installs and runs in an empty folder on every Node that it names. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { goldenObjects } from '../../operations/demo/demo-objects.ts'
import { checkConfig } from '../../config/config.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import { root, startProgram, type Outcome } from '../support/processes/command-line.ts'
import { settingsEnvironment } from '../../harness/fleet.ts'
import { bringNode, install, pack, type Packed } from '../support/processes/installed.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

/** Long runs bring other versions of Node: the oldest that is supported, the newest that npm has, and one that is too old. */
const isLong = process.env['FLOWLOOM_TEST_LONG'] === 'true'
const oldest = '22.18.0'
const newest = '26.12.1'
const tooOld = '20.19.0'
const brought = isLong ? [oldest, newest, tooOld] : []

/** A test that needs a Node that only long runs bring. */
const otherNodeTest = (name: string, run: (t: TestContext) => Promise<void>): void => {
  if (isLong) test(name, { timeout: 120_000 }, run)
}

const dir = mkdtempSync(join(tmpdir(), 'flowloom-install-'))
const user = join(dir, 'user')
/** Folders of the programs `node`, by version. */
const nodes = new Map<string, string>([[process.versions.node, dirname(process.execPath)]])
let packed: Packed

before(
  async () => {
    const [made] = await Promise.all([
      pack(dir),
      ...brought.map(async version => {
        const bin = await bringNode(dir, version)
        if (bin !== undefined) nodes.set(version, bin)
      }),
    ])
    packed = made
    await install(user, packed.tarball)
  },
  { timeout: 300_000 },
)
after(async () => {
  await releaseStack()
  rmSync(dir, { recursive: true, force: true })
})

/** Runs the command of the package with a Node. */
const flowloom = (node: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  startProgram(join(user, 'node_modules', '.bin', 'flowloom'), args, {
    PATH: [nodes.get(node)!, '/usr/bin', '/bin'].join(delimiter),
    ...env,
  })

const supported = (): string[] => [...nodes.keys()].filter(version => version !== tooOld)

test('the package holds what is compiled and nothing of development', () => {
  const odd = packed.files.filter(path => !/^(dist|bin|examples)\//.test(path))
  const papers = [
    ...['docs/consumers.md', 'docs/json.md', 'docs/operations.md', 'docs/reference/config.md', 'docs/reference/errors.md'],
    ...['docs/decisions/0001-kafkajs.md', 'examples/README.md', 'examples/typescript/kafkajs.ts', 'examples/python/flowloom_topic.py'],
  ]
  for (const paper of papers) assert.ok(packed.files.includes(paper), paper)
  assert.deepEqual(odd.filter(path => !path.startsWith('docs/')).sort(), [
    'ARCHITECTURE.md',
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'package.json',
  ])
  assert.deepEqual(
    packed.files.filter(path => path.endsWith('.ts') && !/^(?:dist\/(?:schemas|flow)\/.*\.d|examples\/typescript\/[^/]+)\.ts$/.test(path)),
    [],
  )
  for (const folder of ['test', 'stack', 'bench', 'reference', 'lint', 'examples', 'build'])
    assert.ok(!packed.files.some(path => path.startsWith(`dist/${folder}/`)), folder)
  const scripts = packed.files.filter(path => path.endsWith('.js'))
  assert.ok(scripts.length > 200)
  for (const script of scripts) assert.ok(packed.files.includes(`${script}.map`), `${script} has no source map`)
  assert.ok(packed.unpackedBytes < 5e6, `${packed.unpackedBytes} bytes`)
})

test('nothing of the package runs at install, and no Node comes with it', () => {
  const manifest = JSON.parse(readFileSync(join(user, 'node_modules', 'flowloom', 'package.json'), 'utf8')) as Record<string, object>
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) assert.ok(!(name in manifest['scripts']!), name)
  const { packages } = JSON.parse(readFileSync(join(user, 'package-lock.json'), 'utf8')) as { packages: Record<string, object> }
  const installed = Object.keys(packages).map(path => path.replace(/^node_modules\//, ''))
  for (const name of Object.keys(manifest['devDependencies']!)) if (name !== '@types/node') assert.ok(!installed.includes(name), name)
  assert.ok(!installed.some(name => /^node-(linux|darwin|bin)/.test(name)))
})

test('check-config, topology and every help run on every supported Node', { timeout: 120_000 }, async () => {
  const said = new Map<string, Set<string>>()
  const file = join(user, 'flowloom.yaml')
  writeFileSync(file, 's3: { sources: [{ bucket: some-logs }] }\nlookups: { country: none, asn: none }\n')
  const commands = [
    ['--help'],
    ['--version'],
    ['check-config', '-c', file],
    ['topology'],
    ['topology', '--help'],
    ['run', '--help'],
    ['coverage', '--help'],
    ['replay', '--help'],
  ]
  for (const node of supported())
    for (const args of commands) {
      const { code, out, err }: Outcome = await flowloom(node, args).ended
      assert.deepEqual([code, err], [0, ''], `${node} ${args.join(' ')}`)
      said.set(args.join(' '), (said.get(args.join(' ')) ?? new Set()).add(out))
    }
  for (const [args, texts] of said) assert.equal(texts.size, 1, `${args} says the same everywhere`)
})

otherNodeTest('a Node that is too old is told in one line, in the package and in a clone', async t => {
  if (!nodes.has(tooOld)) {
    t.skip('no such Node for this platform')
    return
  }
  const clone = startProgram(join(nodes.get(tooOld)!, 'node'), ['main.ts', 'run'])
  for (const { code, out, err } of await Promise.all([flowloom(tooOld, ['run']).ended, clone.ended])) {
    assert.deepEqual([code, out], [1, ''])
    assert.match(err, /^flowloom: this is Node 20\.19\.0, and flowloom needs Node 22\.18 .*\n$/)
  }
})

otherNodeTest('npm ci prints no warning on the oldest Node that the README names', async t => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  assert.match(readme, new RegExp(`You need Node \\(${oldest.replace(/\.\d+$/, '').replace('.', '\\.')} or newer of 22, or 24 or newer`))
  if (!nodes.has(oldest)) {
    t.skip('no such Node for this platform')
    return
  }
  const clone = join(dir, 'clone')
  for (const path of ['package.json', 'package-lock.json', 'development-node/package.json'])
    cpSync(join(root, path), join(clone, path), { recursive: true })
  const env = { ...process.env, PATH: [nodes.get(oldest)!, process.env['PATH']].join(delimiter) }
  const { stdout, stderr } = await promisify(execFile)('npm', ['ci', '--dry-run', '--no-audit', '--no-fund'], {
    cwd: clone,
    env,
    maxBuffer: 2 ** 24,
  })
  assert.equal(stderr, '')
  assert.match(stdout, /^added \d+ packages/m)
})

test('help and errors of the package point to docs that are there, and hints say that tables are off', async () => {
  const help = (await flowloom(process.versions.node, ['--help']).ended).out
  const refused = (await flowloom(process.versions.node, ['check-config'], { FLOWLOOM_LOG_LEVEL: 'loud' }).ended).err
  for (const text of [help, refused]) {
    const [path] = /\S*docs\/reference\/config\.md/.exec(text) ?? ['']
    assert.ok(existsSync(resolve(root, path)), text)
    assert.ok(resolve(root, path).includes(join('node_modules', 'flowloom', 'docs')), text)
  }
  for (const name of ['country', 'asn']) assert.match(refused, new RegExp(`^hint: lookups\\.${name}: .* is not installed`, 'm'))
})

test('the demo is not in the package, and says so', async () => {
  const { code, err } = await flowloom(process.versions.node, ['demo', '--exit']).ended
  assert.equal(code, 1)
  assert.match(err, /^flowloom: the demo is not part of the package: .*\n$/)
})

test('a consumer in TypeScript gets the types of the schemas', { timeout: 120_000 }, async () => {
  const text = `import { topics, topicName, type TopicId } from 'flowloom/schemas/topics'
const id: TopicId = 'flows'
const name: string = topicName('flowloom.', topics[id])
// @ts-expect-error there is no such topic
const none: TopicId = 'flow'
export { name, none }
`
  writeFileSync(join(user, 'consumer.mts'), text)
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node']
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  await promisify(execFile)(process.execPath, [tsc, ...options, 'consumer.mts'], { cwd: user }).catch((error: unknown) => {
    assert.fail((error as { stdout: string }).stdout)
  })
  const schema = JSON.parse(readFileSync(join(user, 'node_modules/flowloom/dist/schemas/flows-value.avsc'), 'utf8')) as { name: string }
  assert.equal(typeof schema.name, 'string')
})

for (const version of [process.versions.node, ...(isLong ? [oldest, newest] : [])])
  test(`run of the package brings objects into the tables on Node ${version}`, { timeout: 240_000 }, async t => {
    if (!nodes.has(version)) {
      t.skip('no such Node for this platform')
      return
    }
    const asn = join(dir, 'asn.csv')
    writeFileSync(asn, '1.0.0.0,223.255.255.255,64500,TEST\n')
    // what is not in the main thread is found too: lookup tables and Parquet are read on threads
    const settings = await freshSettings({ lookups: { country: 'none', asn }, log: { level: 'info' } })
    const config = checkConfig(settings)
    const store = connectClickHouse(config.clickhouse)
    const client = s3Client(config.s3.endpoint!)
    const bucket = config.s3.sources[0]!.bucket
    await createBucket(client, bucket)
    const objects = goldenObjects(Math.floor(Date.now() / 300_000) * 300 - 300)
    const [first] = objects
    const parquet = readFileSync(join(root, 'test/golden/parquet/flows-v2.parquet'))
    const all = [...objects, { key: first!.key.replace(/[^/]+$/, name => name.replace(/\.log\.gz$/, '.log.parquet')), body: parquet }]
    for (const { key, body } of all) await putObject(client, bucket, key, body)
    const run = flowloom(version, ['run'], settingsEnvironment(settings))
    try {
      await until(() => run.said.err.includes('"msg":"running"'), 60_000, 'the start')
      await settled(store, all.length, 120_000).catch((error: unknown) => assert.fail(`${String(error)}\n${run.said.err.slice(-4000)}`))
      const [row] = await store.query<{ read: string }>("SELECT count() AS read FROM objects FINAL WHERE state = 'done'")
      assert.equal(Number(row!.read), all.length)
      const numbered = await store.query('SELECT 1 FROM flows WHERE remote_asn = 64500 OR local_asn = 64500 LIMIT 1')
      assert.equal(numbered.length, 1)
    } finally {
      run.child.kill('SIGTERM')
      await store.close()
    }
    const { code, signal, err } = await run.ended
    assert.deepEqual([code, signal], [0, null], err)
    assert.doesNotMatch(err, /^\s+at /m)
  })
