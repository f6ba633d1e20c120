/**
 * The example programs against topics that the pipeline has filled, with aborted transactions and an emptied batch in them: they find what
 * stands there, each record once, in TypeScript and in Python.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { goldenObjects } from '../../operations/demo/demo-objects.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import { topics } from '../../schemas/topics.ts'
import { root, startProgram, type Outcome } from '../support/processes/command-line.ts'
import { Lab, until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { emptyBatch, overlapAborted, type Written } from '../support/kafka/reader-traps.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'

const venv = join(root, '.flowloom', 'python')
const requirements = join(root, 'examples', 'python', 'requirements.txt')

let run: LocalRun
/** What the pipeline has left, before the traps. */
const clean = { flows: 0 }
/** What the topics hold, counted by flowloom's own reader. */
const held = { flows: 0, bytes: 0, addresses: new Map<string, string>() }

before(async () => {
  run = await LocalRun.open(
    await freshSettings({
      kafka: { partitions: 2, fewPartitions: 1 },
      lookups: { country: 'none', asn: 'none' },
      // the golden log is of 2023, and the others of today
      ipContext: { idleDays: 10_000 },
    }),
  )
  const { session, bucket } = run
  const client = s3Client(session.config.s3.endpoint!)
  await createBucket(client, bucket)
  const slotS = Math.floor(Date.now() / 300_000) * 300 - 300
  const objects = [...goldenObjects(slotS), ...generateObjects({ seed: 9, records: 2000, startS: slotS - 300, slots: 1 })]
  for (const { key, body } of objects) await putObject(client, bucket, key, body)
  run.start(['discover', 'fetch', 'enrich', 'ip-context'])
  const { cluster, codecs } = session
  const behind = async (role: string, id: 'rawLines' | 'ipSightings'): Promise<number> => {
    const each = [0, 1].map(async partition => {
      const { offset } = await cluster.committedPosition(role, id, partition)
      // the marker of the last transaction takes an offset too
      return Math.max(0, (await cluster.limits(topics[id], partition)).end - offset - 1)
    })
    return (await Promise.all(each)).reduce((a, b) => a + b)
  }
  let done = 0
  await until(
    async () => {
      const states = new Map<string, string>()
      await readTopic(cluster, topics.objects, ({ key, value }) => {
        if (key !== null && value !== null) states.set(codecs.objects.decodeKey(key).key, codecs.objects.decodeValue(value).state)
      })
      done = [...states.values()].filter(state => state === 'done').length
      return done === objects.length && (await behind('enrich', 'rawLines')) === 0 && (await behind('ip-context', 'ipSightings')) === 0
    },
    90_000,
    'the end of the objects',
  )
  await run.stop()
  await addTraps()
  await readTopic(cluster, topics.flows, ({ value }) => {
    held.flows++
    held.bytes += codecs.flows.decodeValue(value!).bytes ?? 0
  })
  assert.equal(held.flows, clean.flows + 2, 'what was committed among the aborted')
  await readTopic(cluster, topics.cloudMap, ({ key, value }) => {
    const { scope, ip } = codecs.cloudMap.decodeKey(key!)
    if (value === null) held.addresses.delete(`${scope} ${ip}`)
    else held.addresses.set(`${scope} ${ip}`, codecs.cloudMap.decodeValue(value).current?.interfaceId ?? '')
  })
  assert.ok(held.addresses.has('late 10.9.9.9') && ![...held.addresses.keys()].some(address => address.startsWith('aborted ')))
  assert.ok(held.flows > 1500 && held.addresses.size > 10, JSON.stringify([held.flows, held.addresses.size, done]))
})

/** Adds what trips a reader: aborted transactions that overlap, and a batch of the compacted topic with nothing left in it. */
async function addTraps(): Promise<void> {
  const { cluster, codecs, config } = run.session
  const flows: Written[] = []
  await readTopic(cluster, topics.flows, ({ key, value }) => {
    clean.flows++
    flows.push({ key: key!, value: value! })
  })
  let entry: Buffer | undefined
  await readTopic(cluster, topics.cloudMap, ({ value }) => (entry = value ?? entry))
  const address = (scope: string, ip: string): Written => ({ key: codecs.cloudMap.encodeKey({ scope, ip }), value: entry! })
  const lab = new Lab(config)
  try {
    await overlapAborted(lab, topics.flows, flows[0]!, flows.at(-1)!)
    const aborted = Array.from({ length: 40 }, (_unused, i) => address('aborted', `10.9.9.${i}`))
    await emptyBatch(lab, topics.cloudMap, aborted, address('late', '10.9.9.9'))
  } finally {
    await lab.close()
  }
}

after(async () => {
  await run.close()
  await releaseStack()
})

const options = (): string[] => {
  const { kafka, registry } = run.session.config
  return ['--brokers', kafka.brokers.join(','), '--registry', registry.url, '--prefix', kafka.topicPrefix, '--exit-at-end']
}

/** Checks that a program that goes on says so, whether it knows the address or not. */
async function checkFollowing(program: string, args: readonly string[]): Promise<void> {
  for (const [ip, answer] of [
    ['10.99.0.1', `10.99.0.1 is not known\n`],
    ['10.1.1.50', 'vpc-0844e5fb7dab616dd 10.1.1.50 eni-0ffa7e54f1ae8fa1b '],
  ] as const) {
    const { child, said, ended } = startProgram(program, [...args, ip])
    await until(async () => said.err.includes('still following') || child.exitCode !== null, 60_000, 'the end of what is there')
    child.kill('SIGKILL')
    await ended
    assert.ok(said.out.includes(answer) && said.out.endsWith(`${held.addresses.size} addresses\n`), said.out)
    assert.equal(said.err, 'still following, Ctrl+C ends it\n')
  }
}

/** Checks that what cannot be reached or does not exist ends the program with one line. */
async function checkFaults(start: (...more: string[]) => Promise<Outcome>): Promise<void> {
  // port 1 is in use by nobody
  const nowhere = '127.0.0.1:1'
  const cases: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [['--brokers', nowhere], /^no broker answers at 127\.0\.0\.1:1: .*; check --brokers\n$/],
    [['--registry', `http://${nowhere}`], /^[^\n]* the registry at http:\/\/127\.0\.0\.1:1: [^\n]*; check --registry\n$/],
    [['--prefix', 'nobody.'], /^there is no topic nobody\.flows\.v1 at [^\n]*: check --prefix\n$/],
  ]
  await Promise.all(
    cases.map(async ([args, said]) => {
      const { code, err } = await start(...args)
      assert.equal(code, 1, err)
      assert.match(err, said)
    }),
  )
}

test('the addresses that the README asks for are in the logs of the demo', () => {
  const asked = [...readFileSync(join(root, 'examples/README.md'), 'utf8').matchAll(/cloud[-_]map\.(?:ts|py) (\d\S+)(?: (\S+))?$/gm)]
  assert.equal(asked.length, 2)
  const known = [...held.addresses.keys()]
  for (const [, ip, scope] of asked)
    assert.ok(
      known.some(name => (scope === undefined ? name.endsWith(` ${ip!}`) : name === `${scope} ${ip!}`)),
      ip,
    )
})

/** Checks what both examples print in both languages. */
async function checkExamples(program: string, first: readonly string[], files: { flows: string; map: string }): Promise<void> {
  const start = (file: string, ...more: string[]): Promise<Outcome> => startProgram(program, [...first, file, ...options(), ...more]).ended
  const [flows, all, one, nobody] = await Promise.all([
    start(files.flows),
    start(files.map),
    start(files.map, '10.1.1.50'),
    start(files.map, '10.99.0.1', 'vpc-1'),
  ])
  for (const { code, err } of [flows, all, one, nobody]) {
    assert.equal(code, 0, err)
    assert.equal(err, '', 'nothing is warned of')
  }
  assert.equal(nobody.out, `10.99.0.1 is not known in vpc-1\n${held.addresses.size} addresses\n`)
  await checkFollowing(program, [...first, files.map, ...options().slice(0, -1)])
  await checkFaults((...more) => startProgram(program, [...first, files.flows, ...options(), ...more]).ended)
  const lines = flows.out.trimEnd().split('\n')
  assert.equal(lines.at(-1), `${held.flows} flows, ${held.bytes} bytes`)
  assert.equal(lines.length, held.flows + 1)
  assert.ok(
    lines.some(line =>
      /^2023-07-26T00:00:06\S* eni-0ffa7e54f1ae8fa1b ingress ACCEPT 52\.217\.118\.120 -> 10\.1\.1\.50 \S+ 9526 bytes$/.test(line),
    ),
    'a line of the FloCon log',
  )
  const entries = all.out.trimEnd().split('\n')
  assert.equal(entries.at(-1), `${held.addresses.size} addresses`)
  assert.deepEqual(
    entries.slice(0, -1).map(line => line.split(' ').slice(0, 2).join(' ')),
    [...held.addresses.keys()].sort((a, b) => (a < b ? -1 : 1)),
  )
  assert.match(
    one.out,
    /^vpc-0844e5fb7dab616dd 10\.1\.1\.50 eni-0ffa7e54f1ae8fa1b i-0826dea5238644ce7 since 2023-07-26T00:00:06\S* last seen 2023-07-26T00:00:25\S*\n\d+ addresses\n$/,
  )
}

test('TypeScript: every flow and every address', { timeout: 120_000 }, () =>
  checkExamples(process.execPath, ['--disable-warning=ExperimentalWarning'], {
    flows: 'examples/typescript/read-flows.ts',
    map: 'examples/typescript/cloud-map.ts',
  }),
)

/** Makes the Python environment, once for each content of requirements.txt. @returns Why not, or nothing. */
async function preparePython(): Promise<string | undefined> {
  const marker = join(venv, 'requirements.sha256')
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return undefined
  rmSync(venv, { recursive: true, force: true })
  mkdirSync(join(root, '.flowloom'), { recursive: true })
  for (const [program, ...args] of [
    ['python3', '-m', 'venv', venv],
    [join(venv, 'bin', 'pip'), 'install', '--quiet', '--disable-pip-version-check', '-r', requirements],
  ] as const) {
    const { code, err } = await startProgram(program, args).ended.catch((error: unknown) => ({ code: -1, err: String(error) }))
    if (code !== 0) return `${program} ${args[0]} failed: ${err.trim().split('\n').at(-1) ?? ''}`
  }
  writeFileSync(marker, wanted)
  return undefined
}

const skipped = process.env['FLOWLOOM_TEST_PYTHON'] === 'skip' ? 'left out, as FLOWLOOM_TEST_PYTHON=skip says' : false

test('Python: the same flows and the same addresses', { timeout: 240_000, skip: skipped }, async () => {
  const missing = await preparePython()
  if (missing !== undefined)
    assert.fail(`${missing}\nthe Python examples need python3 with venv and pip; FLOWLOOM_TEST_PYTHON=skip leaves them out`)
  await checkExamples(join(venv, 'bin', 'python'), [], { flows: 'examples/python/read_flows.py', map: 'examples/python/cloud_map.py' })
})
