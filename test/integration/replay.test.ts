/** `flowloom replay` on the real services: the same tables again, whatever is killed when; the live ones stay as they are. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { anyLetter } from '../../operations/dead-letters/letters.ts'
import { sendBack } from '../../operations/dead-letters/send-back.ts'
import type { Comparison } from '../../operations/replay/compare.ts'
import { generateObjects } from '../../producers/synthetic/generate-objects.ts'
import { objectKeyOf } from '../../producers/synthetic/object-layout.ts'
import { createSite } from '../../producers/synthetic/site.ts'
import { topics } from '../../schemas/topics.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { goodLines, goodObject } from '../support/files/bad-objects.ts'
import { flowloom, startProgram } from '../support/processes/command-line.ts'
import { settingsEnvironment } from '../../harness/fleet.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { sumOf, sumOfRows } from '../support/clickhouse/sum-of-rows.ts'
import { settled } from '../support/kafka/settle.ts'

after(() => releaseStack())

const header = 'version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status'

/** Checksums over what stands in the tables, without times of recording, offsets and numbers of attempts. */
const checksums = async (store: Store): Promise<unknown> =>
  store.query(
    `SELECT (SELECT count() FROM flows) AS rows, (SELECT ${sumOfRows} FROM flows) AS flows, (SELECT ${sumOfRows} FROM flow_gaps) AS gaps,
       (SELECT count() FROM dead_letter_states WHERE state = 'open') AS letters,
       (SELECT groupBitXor(cityHash64(bucket, key, object_id, line, reason, header, bytes)) FROM dead_letter_states WHERE state = 'open') AS dead,
       (SELECT groupBitXor(cityHash64(scope, ip, valid_from, valid_to, first_seen, last_seen, conflict_s, interface_id, instance_id, service)) FROM cloud_map FINAL) AS map`,
  )

/** Everything of the live deployment that a replay must not move: rows, ends of topics, positions of groups. */
async function liveState({ session, store }: LocalRun): Promise<unknown> {
  const { cluster } = session
  const admin = await cluster.admin()
  const ends = await Promise.all(Object.values(topics).map(topic => admin.fetchTopicOffsets(cluster.topicName(topic))))
  const { groups } = await admin.listGroups()
  const own = groups.filter(({ groupId }) => groupId.startsWith(cluster.groupOf('')) && !/\.(replay-|reader\.)/.test(groupId))
  const all = await Promise.all(own.map(async ({ groupId }) => [groupId, await admin.fetchOffsets({ groupId })] as const))
  // the broker itself removes a group without members that has no positions, within ten minutes
  const positions = all.filter(([, offsets]) => offsets.length > 0)
  const tables = await store.query<{ name: string; final: string }>(
    "SELECT name, if(engine LIKE 'Replacing%', 'FINAL', '') AS final FROM system.tables WHERE database = {database:String} AND engine LIKE '%MergeTree' ORDER BY name",
    { database: store.database },
  )
  const rows = await Promise.all(
    tables.map(({ name, final }) =>
      // merges in the background may drop what was replaced
      store.query(`SELECT '${name}' AS name, count() AS rows, ${sumOf('tuple(*)')} AS sum FROM ${name} ${final}`),
    ),
  )
  return { ends, positions: positions.sort(), rows }
}

test('a replay gives the tables again, exactly once, and leaves the live ones as they are', { timeout: 900_000 }, async t => {
  const settings = await freshSettings({ s3: { maxLineBytes: 1024 }, lookups: { country: 'none', asn: 'none' } })
  const env = settingsEnvironment(settings)
  const run = await LocalRun.open(settings)
  const { session, store, bucket } = run
  const { cluster } = session
  const name = 'new-parser'
  const database = `${store.database}_replay_new_parser`
  const side = connectClickHouse({ ...session.config.clickhouse, database })
  const client = s3Client(session.config.s3.endpoint!)
  const slotS = Math.floor(Date.now() / 300_000) * 300 - 300
  const site = createSite(1, '123456789010', 'us-east-1')
  const beganMs = Date.now()
  try {
    await createBucket(client, bucket)
    const objects = [...generateObjects({ seed: 3, records: 4000, startS: slotS - 1800, badLineShare: 0.01 })]
    for (const { key, body } of objects) await putObject(client, bucket, key, body)
    const [first, second, third] = goodLines(3, slotS, 7) as [string, string, string]
    const long = [second, third].map(line => line.replace(' ', ' '.repeat(1500)))
    const longKey = objectKeyOf(site, 'plain', slotS, '0000000a')
    await putObject(client, bucket, longKey, gzipSync([header, first, ...long, ''].join('\n')))
    run.start()
    await settled(store, objects.length + 1, 240_000)
    const sent = await sendBack(session, { filter: anyLetter, force: true, maxAttempts: 1, dryRun: false })
    assert.ok(sent.sent > long.length, 'lines of both kinds were sent back')
    const refusedAgain = `SELECT count() AS n FROM dead_letters WHERE attempt = 1`
    const expected = sent.sent - long.length
    await until(async () => Number((await store.query<{ n: string }>(refusedAgain))[0]!.n) === expected, 120_000, 'the refusals')
    const cameIn = `SELECT count() AS n FROM flows WHERE object_id IN (SELECT object_id FROM objects WHERE key = '${longKey}')`
    await until(
      async () => Number((await store.query<{ n: string }>(cameIn))[0]!.n) === 1 + long.length,
      30_000,
      'each of the long lines beside the one that was short enough',
    )
    await settled(store, objects.length + 1, 120_000)

    const toS = Math.floor(Date.now() / 1000) + 1
    await until(() => Date.now() > (toS + 1) * 1000, 10_000, 'the end of the range')
    await run.stop()
    const wanted = await checksums(store)
    run.start()
    await putObject(client, bucket, objectKeyOf(site, 'plain', slotS, '0000000b'), goodObject(20, slotS, 9))
    await settled(store, objects.length + 2, 120_000)
    await run.stop()
    const live = await liveState(run)
    const range = ['--from', String(Math.floor(beganMs / 1000) - 1), '--to', String(toS)]

    await t.test('killed again and again, it comes to its end, and the tables are those of the range', async () => {
      const request = JSON.stringify({ name, fromMs: Number(range[1]) * 1000, toMs: toS * 1000 })
      for (const point of [
        'enrich:before-commit#2',
        'enrich:committed#1',
        'ip-context:sent#2',
        'clickhouse-flows:before-commit#3',
        'clickhouse-flows:committed#2',
      ]) {
        const { signal, err } = await startProgram(
          process.execPath,
          ['--no-warnings', join('test', 'support', 'runs', 'replay-process.ts'), request],
          {
            ...env,
            FLOWLOOM_TEST_KILL: point,
          },
        ).ended
        assert.equal(signal, 'SIGKILL', `${point}: ${err}`)
      }
      const { code, out, err } = await flowloom(['replay', '--name', name, '--json'], env)
      assert.equal(code, 0, err)
      assert.match(err, /^going on with replay new-parser: raw-lines from 20/)
      assert.deepEqual(await checksums(side), wanted)
      const { replay, live: beside } = JSON.parse(out) as Comparison
      assert.deepEqual({ ...replay, addresses: '' }, { ...beside, addresses: '' }, 'the same objects in the live tables')
      assert.equal(Number(replay.objects), objects.length + 1)
    })

    await t.test('repeated it adds nothing, with another range it is refused', async () => {
      const again = await flowloom(['replay', '--name', name, ...range], env)
      assert.equal(again.code, 0, again.err)
      assert.match(again.out, /^what was written to raw-lines from 20\S+Z to 20\S+Z\n\n +replay +live\nobjects .*\nflows +[\d,]+ +[\d,]+\n/)
      assert.deepEqual(await checksums(side), wanted)
      const other = await flowloom(['replay', '--name', name, '--from', range[1]!, '--to', String(toS - 1)], env)
      assert.equal(other.code, 2)
      assert.match(other.err, /^flowloom: the replay new-parser was begun from .* to .*; leave out --from and --to/)
      const ours = await flowloom(['replay', '--name', 'other', ...range, '--database', store.database], env)
      assert.deepEqual([ours.code, ours.err.includes('is the database of the live tables')], [2, true])
      const taken = await flowloom(['replay', '--name', 'other', ...range, '--database', database], env)
      assert.equal(taken.code, 1)
      assert.match(taken.err, /^flowloom: cannot begin the replay "other": the database \w+ is not empty/)
    })

    await t.test('the live deployment is as it was', async () => assert.deepEqual(await liveState(run), live))

    await t.test('without its plan a replay does not begin on top of what is there', async () => {
      await (await cluster.admin()).deleteGroups([`${session.config.kafka.deployment}.replay-${name}.plan`])
      const { code, err } = await flowloom(['replay', '--name', name, ...range, '--database', `${database}_2`], env)
      assert.equal(code, 1)
      assert.match(
        err,
        /^flowloom: cannot begin the replay "new-parser": its topic \S+ is not empty, and its plan is lost; `flowloom replay --name/,
      )
    })

    await t.test('--drop leaves nothing of it, and can be repeated', async () => {
      const dropped = await flowloom(['replay', '--name', name, '--drop'], env)
      assert.equal(dropped.code, 0, dropped.err)
      assert.match(dropped.out, new RegExp(`^removed: \\d+ groups, 11 topics, 23 schema subjects, \\d+ tables and views of ${database}\n$`))
      const admin = await cluster.admin()
      const prefix = `${session.config.kafka.topicPrefix}replay-`
      assert.deepEqual(
        (await admin.listTopics()).filter(topic => topic.startsWith(prefix)),
        [],
      )
      assert.deepEqual(
        (await admin.listGroups()).groups.filter(({ groupId }) => groupId.includes('.replay-')),
        [],
      )
      assert.deepEqual(await store.query('SELECT name FROM system.databases WHERE name = {database:String}', { database }), [])
      assert.deepEqual(await liveState(run), live)
      const nothing = await flowloom(['replay', '--name', name, '--drop'], env)
      assert.deepEqual([nothing.code, nothing.err.startsWith(`there is no replay ${name}: nothing to remove`)], [1, true], nothing.err)
      const unknown = await flowloom(['replay', '--name', name], env)
      assert.deepEqual(
        [unknown.code, unknown.err.includes('there is no replay new-parser: there is none; to begin one, say --from')],
        [2, true],
      )
    })
  } finally {
    await side.close()
    await run.close()
  }
})
