// What a version that called the part `sink` has written to begun_roles counts for `clickhouse`, on a real ClickHouse engine.
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { checkConfig } from '../../config/config.ts'
import { checkPositions, type PositionSession } from '../../operations/check-positions.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { createLog } from '../../runtime/log.ts'
import { liveClickHouse, type LiveClickHouse, type LiveDatabase } from '../support/clickhouse/live-clickhouse.ts'

let server: LiveClickHouse
let database: LiveDatabase
before(async () => {
  server = await liveClickHouse()
  database = await server.migrated()
  // by the statement of the older version; each role began in a deployment of its own
  for (const [role, topic] of Object.entries(keepAll))
    await database.store.command(
      `INSERT INTO ${database.store.database}.begun_roles (role, consumer_group, topic) VALUES ('${role}', 'has-${role}.${role}', 'flowloom.${topic}.v1')`,
    )
})
after(() => server.stop())

/** Roles of the older version whose topics lose records to retention. */
const keepAll = { 'sink-flows': 'flows', 'sink-gaps': 'flow-gaps', 'sink-dead-letters': 'dead-letters' }

/** A deployment whose topics begin at an offset, and have no record; the broker knows no position of it. */
function forgotten(deployment: string, low: number): PositionSession {
  const config = checkConfig({ clickhouse: database.settings, kafka: { deployment } })
  const cluster = Object.assign(new Cluster(config.kafka, createLog('silent')), {
    ranges: async () => new Map([[0, { start: low, end: low }]]),
    admin: async () => ({ fetchOffsets: async () => [] }),
  })
  return { cluster, config } as unknown as PositionSession
}

for (const [role, topic] of Object.entries(keepAll))
  it(`a start after an upgrade refuses to skip lost records of ${topic}, because ${role} had begun`, async () => {
    await assert.rejects(checkPositions(forgotten(`has-${role}`, 9), ['clickhouse']), {
      code: 'OFFSET_LOST',
      message: new RegExp(`^clickhouse-${role.slice('sink-'.length)} wants offset 0, but the topic starts at 9`),
    })
  })

it('a new deployment beside rows of the older version begins behind lost records', async () => {
  await database.store.command(`INSERT INTO ${database.store.database}.flows (object_id, start, line) VALUES (1, 1700000000, 1)`)
  await checkPositions(forgotten('new', 9), ['clickhouse'])
})

it('a start writes what the older version would, so that after a step back that one knows it too', async () => {
  await checkPositions(forgotten('back', 0), ['clickhouse'])
  assert.deepEqual(
    await database.store.query(
      `SELECT role, consumer_group, topic FROM begun_roles WHERE startsWith(consumer_group, 'back.') ORDER BY role`,
    ),
    Object.entries(keepAll)
      .map(([role, topic]) => ({ role, consumer_group: `back.${role}`, topic: `flowloom.${topic}.v1` }))
      .sort((a, b) => (a.role < b.role ? -1 : 1)),
  )
})
