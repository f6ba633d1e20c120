/** `flowloom dead-letters` on the real services: list, show, and a replay that brings each line in once, whatever is killed when. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import avsc from 'avsc'
import { audit } from '../../operations/audit.ts'
import { anyLetter, summarize } from '../../operations/dead-letters/letters.ts'
import { sendBack, type SendBackReport } from '../../operations/dead-letters/send-back.ts'
import { checkConfig } from '../../config/config.ts'
import { openSession } from '../../operations/session.ts'
import { confluentHeader } from '../../runtime/avro.ts'
import { createKafka } from '../../runtime/kafka/client.ts'
import { FencedProducer } from '../../runtime/kafka/fenced-producer.ts'
import { readTopic } from '../../runtime/kafka/topic-reader.ts'
import { valueCompatibility } from '../../runtime/registry.ts'
import type { AvroRecord } from '../../schemas/avro-types.ts'
import { topics } from '../../schemas/topics.ts'
import type { FlowError } from '../../runtime/errors.ts'
import { objectKeyOf } from '../../producers/synthetic/object-layout.ts'
import { createSite } from '../../producers/synthetic/site.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { goodLines } from '../support/files/bad-objects.ts'
import { flowloom, startProgram, type Outcome } from '../support/processes/command-line.ts'
import { settingsEnvironment } from '../../harness/fleet.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const header = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'
const maxLineBytes = 256
/** Longer than `maxLineBytes`, but the parser takes it: runs of spaces separate as one does. */
const padded = (line: string, bytes: number): string => line.replace(' ', ' '.repeat(bytes - line.length + 1))

const countOf = async (store: Store, sql: string): Promise<number> => Number((await store.query<{ n: string }>(sql))[0]!.n)
const flows = (store: Store): Promise<number> => countOf(store, 'SELECT count() AS n FROM flows')
const repeated = (store: Store): Promise<number> => countOf(store, 'SELECT count() - uniqExact(object_id, line) AS n FROM flows')
const openLetters = (store: Store): Promise<number> => countOf(store, "SELECT count() AS n FROM dead_letter_states WHERE state = 'open'")

interface ListedLetter {
  readonly key: string
  readonly line: number
  readonly objectId: string
  readonly state: string
  readonly attempt: number
  readonly bytesBase64: string
  readonly header: string
}
interface Listed {
  readonly reasons: { reason: string; open: number; replayed: number; newest: ListedLetter[] }[]
}

test('dead letters are listed, shown, and come in once after a fix, whatever is killed when', { timeout: 900_000 }, async t => {
  const settings = await freshSettings({ s3: { maxLineBytes }, lookups: { country: 'none', asn: 'none' } })
  const env = settingsEnvironment(settings)
  const run = await LocalRun.open(settings)
  const { session, store, bucket } = run
  const client = s3Client(session.config.s3.endpoint!)
  const slotS = Math.floor(Date.now() / 300_000) * 300 - 300
  const site = createSite(1, '123456789010', 'us-east-1')
  const keys = ['0000000a', '0000000b'].map(hash => objectKeyOf(site, 'plain', slotS, hash))
  /** Of each object: 3 good lines, 4 good ones that are too long for the fetcher, 2 bad ones, one of which too little is kept. */
  const linesOf = (network: number): string[] => {
    const good = goodLines(8, slotS, network)
    return [
      ...good.slice(0, 3),
      ...good.slice(3, 7).map(line => padded(line, 400)),
      good[7]!.replace('ACCEPT', 'MAY\x1bBE'),
      'no flow',
      padded(good[7]!, 6000),
    ]
  }
  const bad = { good: 3, long: 4, refused: 2, cut: 1 }
  const objects = keys.length
  const kill = async (point: string, options: object = {}): Promise<Outcome> =>
    startProgram(process.execPath, ['--no-warnings', join('test', 'support', 'runs', 'send-back-process.ts'), JSON.stringify(options)], {
      ...env,
      FLOWLOOM_TEST_KILL: point,
    }).ended
  const json = async <T>(...args: string[]): Promise<T> => {
    const { code, out, err } = await flowloom(['dead-letters', ...args, '--json'], env)
    assert.deepEqual([code, err], [0, ''], out)
    return JSON.parse(out) as T
  }
  /** The audit by the rule of the fix: lines up to 4 KiB may be read. */
  const auditDifferences = async (lineBytes: number): Promise<unknown> => {
    const config = checkConfig({ ...settings, s3: { ...settings['s3'], maxLineBytes: lineBytes } })
    // what coverage derives from the ledger, the gaps and the open dead letters is what the tables hold
    const [covered] = await store.query<Record<string, string>>(
      'SELECT sum(flows) AS flows, sum(dead_letters) AS dead, sum(nodata) AS nodata FROM object_coverage',
    )
    const nodata = await countOf(store, "SELECT count() AS n FROM flow_gaps WHERE kind = 'NODATA'")
    assert.deepEqual(
      { flows: Number(covered!['flows']), dead: Number(covered!['dead']), nodata: Number(covered!['nodata']) },
      { flows: await flows(store), dead: await openLetters(store), nodata },
    )
    return (await audit({ ...session, config }, true, () => undefined)).differences
  }
  try {
    await createBucket(client, bucket)
    for (const [i, key] of keys.entries()) await putObject(client, bucket, key, gzipSync(`${header}\n${linesOf(i + 1).join('\n')}\n`))
    run.start()
    await settled(store, objects, 180_000)
    assert.deepEqual(await auditDifferences(maxLineBytes), [])
    const dead = objects * (bad.long + bad.refused + bad.cut)
    assert.equal(await openLetters(store), dead)

    await t.test('the list counts by reason, newest examples first, and can be narrowed', async () => {
      const counts = (list: Listed): unknown => list.reasons.map(({ reason, open, replayed }) => [reason, open, replayed])
      // a second after the last letter; a time to come is refused
      const nextS = Math.floor(Date.now() / 1000) + 1
      await sleep(nextS * 1000 - Date.now() + 1)
      const [all, some, none, later, { code, out }] = await Promise.all([
        json<Listed>(),
        json<Listed>('--reason', 'bad-action', '--prefix', keys[1]!),
        json<Listed>('--prefix', `s3://${bucket}x/`),
        json<Listed>('--since', String(nextS)),
        flowloom(['dead-letters'], env),
      ])
      assert.deepEqual(counts(all), [
        ['line-too-long', objects * (bad.long + bad.cut), 0],
        ['bad-action', objects, 0],
        ['too-few-fields', objects, 0],
      ])
      assert.deepEqual([counts(some), counts(none), counts(later)], [[['bad-action', 1, 0]], [], []])
      assert.equal(code, 0)
      assert.match(
        out,
        new RegExp(`^line-too-long +${objects * (bad.long + bad.cut)} open\n  20.*  s3://${bucket}/.*:\\d+  (400|6000) bytes`),
      )
      assert.match(out, new RegExp(`\n${dead} lines are dead letters\n$`))
    })

    await t.test('one line is shown with header, bytes and reason; nothing in it reaches the terminal as it is', async () => {
      const name = `s3://${bucket}/${keys[0]!}:9`
      const [letter] = await json<ListedLetter[]>('show', name)
      assert.deepEqual([letter?.line, letter?.state, letter?.attempt, letter?.header], [9, 'open', 0, header])
      assert.equal(Buffer.from(letter!.bytesBase64, 'base64').toString('latin1'), linesOf(1)[7])
      const { code, out } = await flowloom(['dead-letters', 'show', `${letter!.objectId}:9`], env)
      assert.equal(code, 0)
      assert.match(out, /reason {4}bad-action: .*\n {2}header {4}version account-id .*\n {2}line {6}2 123456789010 .*MAY\\x1bBE OK\n/)
      assert.match(out, /00000000 {2}32 20 31 32 33 34 35 36 37 38 39 30 31 30 20 65 {2}\|2 123456789010 e\|/)
      assert.ok(!out.includes('\x1b'))
      const none = await flowloom(['dead-letters', 'show', `s3://${bucket}/${keys[0]!}:2`], env)
      assert.deepEqual([none.code, none.err], [1, ''])
      assert.match(none.out, /^line 2 of .* is not a dead letter/)
    })

    const sendable = objects * bad.long
    await t.test('a dry run says what would be sent back and what is left, and does nothing', async () => {
      const report = await json<SendBackReport>('replay', '--dry-run')
      assert.equal(report.sent, sendable)
      assert.deepEqual([report.left['still-refused']?.count, report.left.cut?.count], [objects * bad.refused, objects * bad.cut])
      assert.equal(await openLetters(store), dead)
      assert.equal(await countOf(store, 'SELECT count() AS n FROM dead_letter_replays'), 0)
    })

    await t.test('killed at every point and repeated, each line comes in once', async () => {
      const small = { transactionLines: 1, passBytes: 1500 }
      for (const point of [
        'send-back-fenced#1',
        'send-back-half-sent#1',
        'send-back-sent#2',
        'send-back-committed#1',
        'send-back-half-sent#2',
      ])
        assert.equal((await kill(point, small)).signal, 'SIGKILL', point)
      // committed before the kills: one each at send-back-sent#2, send-back-committed#1 and send-back-half-sent#2
      const { code, out, err } = await kill('none#1', small)
      assert.deepEqual([code, err], [0, ''])
      assert.equal((JSON.parse(out) as SendBackReport).sent, sendable - 3)
      await until(async () => (await flows(store)) >= objects * (bad.good + bad.long), 180_000, 'the flows')
      await until(async () => (await openLetters(store)) === dead - sendable, 120_000, 'the replays in the table')
      assert.deepEqual([await flows(store), await repeated(store)], [objects * (bad.good + bad.long), 0])
      assert.deepEqual(await auditDifferences(4096), [])
    })

    await t.test('repeated, and twice at once, it adds nothing', async () => {
      assert.match(
        (await flowloom(['dead-letters', 'replay'], env)).out,
        /^2 left: only their first bytes .*\n(.*\n)*no line to send back/m,
      )
      const options = { filter: anyLetter, force: false, maxAttempts: 3, dryRun: false }
      const both = await Promise.allSettled([sendBack(session, options), sendBack(session, options)])
      for (const outcome of both)
        if (outcome.status === 'fulfilled') assert.equal(outcome.value.sent, 0)
        else assert.equal((outcome.reason as FlowError).code, 'TASK_FENCED')
    })

    await t.test('a line that is refused again is one dead letter with the number of its attempt, and is given up in the end', async () => {
      for (const attempt of [1, 2]) {
        const report = await json<SendBackReport>('replay', '--force', '--max-attempts', '2', '--reason', 'bad-action,too-few-fields')
        assert.equal(report.sent, objects * bad.refused)
        const again = `SELECT countIf(attempt = ${attempt} AND state = 'open') AS n FROM dead_letter_states`
        await until(async () => (await countOf(store, again)) === objects * bad.refused, 120_000, 'the refusals')
        assert.equal(await openLetters(store), dead - sendable)
        assert.deepEqual(await auditDifferences(4096), [])
      }
      const last = await json<SendBackReport>('replay', '--force', '--max-attempts', '2')
      assert.deepEqual([last.sent, last.left.attempts?.count], [0, objects * bad.refused])
      const [summary] = (await json<Listed>('--reason', 'bad-action')).reasons
      assert.deepEqual([summary?.open, summary?.replayed, summary?.newest[0]?.attempt], [objects, 2 * objects, 2])
      assert.deepEqual([await flows(store), await repeated(store)], [objects * (bad.good + bad.long), 0])
    })

    await t.test('the table question of conservation agrees', async () => {
      const { readQuery } = await import('../../sinks/clickhouse/queries.ts')
      for (const row of await store.query<Record<string, string>>(readQuery('conservation')))
        assert.deepEqual([Number(row['missing']), Number(row['repeated'])], [0, 0], JSON.stringify(row))
    })
  } finally {
    await run.close()
  }
})

test('dead letters that an older version wrote are listed and sent back too', { timeout: 120_000 }, async () => {
  const settings = await freshSettings()
  const config = checkConfig(settings)
  const released = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'unit', 'schemas', 'released-values.json'), 'utf8')) as Record<
    string,
    Record<string, AvroRecord>
  >
  const schema = released['0.1.0']!['dead-letters.v1']!
  const { id } = await new SchemaRegistry({ host: config.registry.url }).register(
    { type: SchemaType.AVRO, schema: JSON.stringify(schema) },
    { subject: `${config.kafka.topicPrefix}dead-letters.v1-value`, compatibility: valueCompatibility },
  )
  const session = await openSession({ overrides: settings }, new AbortController().signal)
  const { cluster, codecs, log } = session
  try {
    assert.notEqual(id, codecs.deadLetters.ids.value, 'the schema has changed since')
    const object = { bucket: 'b', key: 'AWSLogs/k.log.gz' }
    const bytes = Buffer.from(goodLines(1, 1_700_000_000, 1)[0]!)
    const letter = { etag: 'e', objectId: Buffer.alloc(8, 7), line: 5, stage: 'enrich', reason: 'bad-number', detail: 'd', header, bytes }
    const type = avsc.Type.forSchema(schema as unknown as avsc.Schema, { wrapUnions: false })
    const value = Buffer.concat([confluentHeader(id), type.toBuffer({ ...letter, length: bytes.length, sha256: null })])
    const producer = new FencedProducer(createKafka(config.kafka, 'older', log), config.kafka, `${config.kafka.deployment}.older`)
    await producer.fence()
    await producer.send(cluster.topicName(topics.deadLetters), 0, [{ key: codecs.deadLetters.encodeKey(object), value }])
    await producer.commit()
    await producer.close(true)
    const options = { filter: anyLetter, force: false, maxAttempts: 3, dryRun: false }
    assert.deepEqual(
      (await summarize(session, anyLetter, false)).map(({ reason, open }) => [reason, open]),
      [['bad-number', 1]],
    )
    assert.deepEqual(await sendBack(session, options), { sent: 1, left: {} })
    assert.deepEqual(await sendBack(session, options), { sent: 0, left: {} })
    const sent: string[] = []
    await readTopic(cluster, topics.rawLines, ({ headers, value: text }) => {
      sent.push(
        `${String(text)}${Object.entries(headers)
          .map(([name, content]) => `${name}=${content.toString()}`)
          .join(' ')}`,
      )
    })
    assert.deepEqual(sent, [
      `${bytes.toString()}\nheader=${header} etag=e object-id=0707070707070707 first-line=5 lines=1 attempt=1 refused-by=enrich`,
    ])
  } finally {
    await cluster.close()
  }
})
