/** A side table on the real broker: committed records only, tombstones, changes while its role works, a restart. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openSession } from '../../operations/session.ts'
import { partitionOf } from '../../runtime/partition.ts'
import { RoleRunner } from '../../runtime/kafka/role-runner.ts'
import { SideTables } from '../../runtime/kafka/side-tables.ts'
import type { Role } from '../../runtime/task.ts'
import { topics } from '../../schemas/topics.ts'
import { Lab, until } from '../support/kafka/kafka-lab.ts'
import { freshSettings, releaseStack } from '../../harness/live-stack.ts'

after(() => releaseStack())

/** Writes since when the address that an arrival names is held. */
const labelling: Role = {
  name: 'labelling',
  from: 'objectArrivals',
  to: ['rawLines'],
  sideTables: [{ topic: 'cloudMap', bound: { entries: 1000, bytes: 1e6, setting: 'labels.tableBytes' } }],
  createTask: context => {
    const holders = context.sideTable('cloudMap')
    return {
      async process(batch) {
        const records = batch.records.map(({ key, value }) => {
          const ip = value!.toString()
          return { key, value: Buffer.from(`${ip} ${holders.get({ scope: 'vpc-1', ip })?.currentSince ?? 'nobody'}`) }
        })
        await context.send(topics.rawLines, context.partition, records)
        await context.commit({ offset: batch.nextOffset, metadata: '' })
      },
    }
  },
}

test('a role sees the newest committed value of each key of a compacted topic', { timeout: 120_000 }, async () => {
  const settings = await freshSettings({
    kafka: { partitions: 2, fewPartitions: 1, encodedBatches: process.env['FLOWLOOM_TEST_ENCODED'] !== 'false' },
  })
  const session = await openSession({ overrides: settings }, new AbortController().signal)
  const { cluster, codecs } = session
  const lab = new Lab(session.config)
  const keyOf = (ip: string): Buffer => codecs.cloudMap.encodeKey({ scope: 'vpc-1', ip })
  const partitions = cluster.partitionsOf(topics.cloudMap)

  /** A transaction with holders of addresses, as ip-context writes them; null: a tombstone. */
  const hold = async (id: string, holders: Record<string, number | null>): Promise<{ commit(): Promise<unknown> }> => {
    const producer = lab.fenced(id)
    await producer.fence()
    for (const [ip, since] of Object.entries(holders)) {
      const entry = { current: null, currentSince: since, lastSeen: since, storedDay: null, owners: [], days: [] }
      const value = since === null ? null : codecs.cloudMap.encodeValue(entry)
      await producer.send(cluster.topicName(topics.cloudMap), partitionOf(keyOf(ip), partitions), [{ key: keyOf(ip), value }])
    }
    return { commit: () => producer.commit() }
  }
  let asked = 0
  const ask = async (...ips: string[]): Promise<string[]> => {
    const producer = await lab.plain()
    const messages = ips.map(value => ({ partition: 0, key: null, value }))
    await producer.send({ topic: cluster.topicName(topics.objectArrivals), messages })
    asked += ips.length
    let copies: string[] = []
    await until(
      async () => {
        copies = (await lab.read(topics.rawLines)).map(({ value }) => value!.toString())
        return copies.length >= asked
      },
      20_000,
      `answer ${asked}`,
    )
    assert.equal(copies.length, asked)
    return copies.slice(-ips.length)
  }
  const start = async (): Promise<{ tables: SideTables; runner: RoleRunner }> => {
    const tables = new SideTables(session)
    const options = { ...session, loadSchema: (id: number) => session.registry.loadSchema(id), taskRestartMs: 20, sideTables: tables }
    const runner = new RoleRunner(labelling, options)
    runner.failed.catch(() => undefined)
    await runner.start()
    return { tables, runner }
  }

  try {
    await (await hold('one', { '10.0.0.1': 1, '10.0.0.2': 1, '10.0.0.3': 1 })).commit()
    await hold('two', { '10.0.0.3': 666, '10.0.0.9': 666 })
    const late = await hold('three', { '10.0.0.4': 1 })
    let { tables, runner } = await start()
    await until(() => tables.notReady().length > 0, 5000, 'the wait for the open transactions')
    // the successor of the second producer ends its transaction: what was in it never counts
    await (await hold('two', {})).commit()
    assert.equal(runner.ready, false, 'the table is not complete: a transaction is open')
    await late.commit()
    await until(() => runner.ready, 20_000, 'readiness')
    assert.deepEqual(tables.notReady(), [])
    assert.deepEqual(await ask('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.9'), [
      ...['10.0.0.1 1', '10.0.0.2 1', '10.0.0.3 1', '10.0.0.4 1', '10.0.0.9 nobody'],
    ])

    // while it works: a newer value, a tombstone, a new key
    await (await hold('one', { '10.0.0.1': 2, '10.0.0.2': null, '10.0.0.9': 9 })).commit()
    const expected = ['10.0.0.1 2', '10.0.0.2 nobody', '10.0.0.9 9']
    await until(async () => (await ask('10.0.0.9'))[0] === '10.0.0.9 9', 20_000, 'the change')
    assert.deepEqual(await ask('10.0.0.1', '10.0.0.2', '10.0.0.9'), expected)

    await runner.stop()
    ;({ tables, runner } = await start())
    assert.deepEqual(await ask('10.0.0.1', '10.0.0.2', '10.0.0.9'), expected, 'after a restart')
    await runner.stop()
    assert.deepEqual(tables.notReady(), [], 'nothing is held any more')
  } finally {
    await lab.close()
    await cluster.close()
  }
})
