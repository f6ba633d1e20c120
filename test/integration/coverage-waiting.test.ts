/** `flowloom coverage` and `flowloom lookup` on the real services while an object is announced or read, and not in the table of objects yet. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { objectKeyOf } from '../../producers/synthetic/object-layout.ts'
import { groupPositions } from '../../runtime/kafka/group-progress.ts'
import { topics } from '../../schemas/topics.ts'
import type { RoleName } from '../../topology.ts'
import { flowloom, type Outcome } from '../support/processes/command-line.ts'
import { file, wide, wideLine } from '../support/clickhouse/coverage-lines.ts'
import { settingsEnvironment } from '../../harness/fleet.ts'
import { until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'
import { LocalRun } from '../../harness/local-run.ts'
import { createBucket, putObject, s3Client } from '../../harness/s3.ts'
import { mapInTables, settled } from '../support/kafka/settle.ts'
import { place } from '../support/clickhouse/table-path.ts'

after(() => releaseStack())

const clock = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000', '')

test(
  'coverage is unknown, never evidence, while another object of a slot is announced or read and its ledger record is not in the table',
  { timeout: 240_000 },
  async t => {
    const settings = await freshSettings({ lookups: { country: 'none', asn: 'none' } })
    const env = settingsEnvironment(settings)
    const local = await LocalRun.open(settings)
    const client = s3Client(String(settings['s3']!['endpoint']))
    const first = Math.floor(Date.now() / 300_000) * 300 - 3 * 3600
    const slot = (n: number): number => first + n * 300
    const put = async (n: number, lines: readonly string[], hash = '0a1b2c3d'): Promise<void> => {
      const site = { ...place, flowLogId: 'fl-a' } as Parameters<typeof objectKeyOf>[0]
      await putObject(client, local.bucket, objectKeyOf(site, 'plain', slot(n), hash), Buffer.from(file(wide, lines)))
    }
    const at = clock(slot(2) + 30)
    const ask = (more = ''): Promise<Outcome> =>
      flowloom(['coverage', '--interface', 'eni-1', '--at', at, '--window', '1', ...more.split(' ').filter(word => word !== '')], env)
    const ranges = `--from ${clock(slot(1))} --to ${clock(slot(4))}`
    const askTime = (more = ''): Promise<Outcome> => flowloom(['coverage', ...`${ranges} ${more}`.trim().split(' ')], env)
    /** What lookup says is on its way to an answer about an address at that time. */
    const lookedUp = async (
      ip: string,
      more: readonly string[] = [],
      by = env,
    ): Promise<{ code: number | null; unknown: unknown; waiting: string[]; text: string }> => {
      const asked = ['lookup', ip, '--at', at, ...more]
      const [json, text] = await Promise.all([flowloom([...asked, '--json'], by), flowloom(asked, by)])
      const { unknown, waiting } = JSON.parse(json.out) as { unknown: unknown; waiting: { steps: { topic: string; records: number }[] } }
      assert.equal(json.code, text.code)
      return { code: json.code, unknown, waiting: waiting.steps.map(({ topic, records }) => `${topic} ${records > 0}`), text: text.out + text.err } // prettier-ignore
    }
    const during = async (roles: readonly RoleName[], done: () => Promise<boolean>): Promise<void> => {
      local.start(roles)
      await until(done, 60_000, roles.join(' and '))
      await local.stop()
    }
    /** Offsets after the last committed records, marks included: they grow with every record. */
    const written = async (topic: 'objectArrivals' | 'objects'): Promise<number> =>
      [...(await local.session.cluster.ranges(topics[topic])).values()].reduce((sum, { end }) => sum + end, 0)
    const grows = async (topic: 'objectArrivals' | 'objects', by: number): Promise<() => Promise<boolean>> => {
      const before = await written(topic)
      return async () => (await written(topic)) >= before + by
    }
    /** True once fetch has dealt with every announcement; discover writes no marks. */
    const allFetched = async (): Promise<boolean> => {
      const positions = await groupPositions(local.session.cluster, 's3-fetch', topics.objectArrivals)
      return [...(await local.session.cluster.ranges(topics.objectArrivals))].every(
        ([partition, { end }]) => (positions.get(partition)?.offset ?? 0) >= end,
      )
    }
    try {
      await createBucket(client, local.bucket)
      for (let n = 0; n < 6; n++)
        await put(
          n,
          [0, 60, 120, 180, 240].map(s => wideLine({ start: slot(n) + s })),
        )
      local.start()
      await settled(local.store, 6, 60_000)
      await mapInTables(local.session)
      await local.stop()

      await t.test('is evidence when everything is there: marks of transactions at the ends of topics are no lag', async () => {
        const one = await ask()
        assert.equal(one.code, 0, one.out + one.err)
        assert.match(one.out, /EVIDENCE/)
        // the tasks are started anew: barriers and marks, and no record
        for (let i = 0; i < 2; i++) await during(['fetch', 'enrich', 'clickhouse'], await grows('objects', 4))
        const again = await ask('--json')
        assert.equal(again.code, 0, again.out + again.err)
        assert.deepEqual((JSON.parse(again.out) as { waiting: object }).waiting, { unknown: null, partitions: [], objects: [] })
        const time = await askTime()
        assert.equal(time.code, 0, time.out + time.err)
      })

      await t.test('is unknown while an announcement is not read yet', async () => {
        await put(2, [wideLine({ start: slot(2), port: 22 })], 'bbbbbbbb')
        await during(['discover'], await grows('objectArrivals', 1))
        const { code, out, err } = await ask()
        assert.deepEqual([code, err], [4, ''], out)
        assert.match(out, new RegExp(`UNKNOWN: nobody can say\\n\\n  \\d announcements? not read yet: fl-a, slot `))
        const time = await askTime()
        assert.equal(time.code, 4, time.out)
        assert.match(time.out, /announced, and not in the table of objects yet: ask again\n\n {2}\d+ announcements? not read yet: fl-a/)
        const elsewhere = await flowloom(['coverage', '--interface', 'eni-1', '--at', at, '--window', '1', '--region', 'us-east-1'], env)
        assert.doesNotMatch(elsewhere.out, /not read yet/)
        const held = await lookedUp('10.0.0.5')
        assert.deepEqual([held.code, held.unknown, held.waiting], [0, null, ['objectArrivals true']])
        assert.match(held.text, /nobody newer is in the tables\non the way: \d+ announcements? not read by fetch yet\n$/)
        const nobody = await lookedUp('10.0.0.6')
        assert.deepEqual([nobody.code, nobody.unknown], [4, 'on-their-way'], nobody.text)
      })

      await t.test("is unknown while the ledger's sink is behind in one partition", async () => {
        await during(['fetch'], allFetched)
        const { code, out, err } = await ask()
        assert.deepEqual([code, err], [4, ''], out)
        assert.match(
          out,
          /UNKNOWN: nobody can say\n\n {2}the ledger's partition \d is 1 record behind in the table of objects: fl-a, slot /,
        )
        const slots = await flowloom(['coverage', '--interface', 'eni-1', ...ranges.split(' '), '--window', '1', '--json'], env)
        const judged = (JSON.parse(slots.out) as { ranges: { from: string; verdict: string; reasons: string[] }[] }).ranges
        assert.deepEqual(
          judged.map(({ from, verdict }) => [from, verdict]),
          [
            // the last minute of slot 1 reaches into slot 2
            [clock(slot(1)), 'unknown'],
            [clock(slot(3)), 'evidence'],
          ],
          slots.out,
        )
        const held = await lookedUp('10.0.0.5')
        assert.deepEqual([held.code, held.waiting], [0, ['rawLines true']])
        assert.match(held.text, /\non the way: 1 block of lines not read by enrich yet\n$/)
        await during(['enrich'], async () => (await lookedUp('10.0.0.5')).waiting.includes('ipSightings true'))
        const later = await lookedUp('10.0.0.5')
        assert.deepEqual(later.waiting, ['flows true', 'ipSightings true'])
        assert.deepEqual((await lookedUp('10.0.0.6')).waiting, [], 'of another address nothing waits behind enrich')
      })

      await t.test('is evidence again when the table has it', async () => {
        local.start(['enrich', 'ip-context', 'clickhouse'])
        await settled(local.store, 7, 60_000)
        await mapInTables(local.session)
        await local.stop()
        const { code, out } = await ask()
        assert.equal(code, 0, out)
        assert.match(out, /recorded at that second: 2 flows/)
        const [held, nobody] = await Promise.all([lookedUp('10.0.0.5'), lookedUp('10.0.0.6')])
        assert.deepEqual([held.code, held.waiting, nobody.code, nobody.unknown], [0, [], 1, null], held.text + nobody.text)
        assert.match(held.text, /held: .*; last seen at .*; nobody newer is known\n$/)
        assert.equal(nobody.text, `nobody is known to have held 10.0.0.6 at ${at}\n`)
      })

      await t.test('says that this is unknown if Kafka does not answer or is not asked', async () => {
        const away = await flowloom(['coverage', '--interface', 'eni-1', '--at', at, '--window', '1'], { ...env, FLOWLOOM_KAFKA_BROKERS: '127.0.0.1:1' }) // prettier-ignore
        assert.equal(away.code, 4, away.out)
        assert.match(away.out, /UNKNOWN: nobody can say\n\n {2}whether an object was announced and is not in the table of objects yet is not known: no broker of 127\.0\.0\.1:1 answers/) // prettier-ignore
        const [unasked, time, other] = await Promise.all([
          ask('--no-kafka'),
          askTime('--no-kafka --json'),
          flowloom(['coverage', '--interface', 'eni-1', '--at', at, '--window', '1'], { ...env, FLOWLOOM_KAFKA_TOPIC_PREFIX: 'none.' }),
        ])
        assert.deepEqual([unasked.code, time.code, other.code], [4, 4, 4], other.out)
        const [held, nobody] = await Promise.all([lookedUp('10.0.0.5', [], { ...env, FLOWLOOM_KAFKA_BROKERS: '127.0.0.1:1' }), lookedUp('10.0.0.6', ['--no-kafka'])]) // prettier-ignore
        assert.deepEqual([held.code, held.unknown, nobody.code, nobody.unknown], [0, null, 4, 'kafka-unknown'])
        assert.match(held.text, /; nobody newer is in the tables\ncould not ask Kafka if records are on their way: no broker of 127\.0\.0\.1:1 answers/) // prettier-ignore
        assert.match(unasked.out, /is not known: Kafka was not asked \(--no-kafka\)/)
        assert.equal((JSON.parse(time.out) as { complete: boolean }).complete, false)
      })
    } finally {
      await local.close()
    }
  },
)
