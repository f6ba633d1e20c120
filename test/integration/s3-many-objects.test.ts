/** A bucket with 100,000 objects: found once, in bounded memory, and old days are not listed again in each round. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { checkConfig } from '../../config/config.ts'
import { createDiscoverSource } from '../../producers/s3/discover/discover-source.ts'
import { createS3Stores } from '../../producers/s3/objects/s3-object-store.ts'
import { ChildService } from '../../stack/child-service.ts'
import { s3Service } from '../../stack/node-services.ts'
import { freePorts } from '../../stack/ports.ts'
import { counted } from '../support/processes/counted.ts'
import { MemoryCluster } from '../../harness/memory-context.ts'

const bucket = 'many'
const objects = 100_000
const days = ['2026/11/24', '2026/11/23', '2026/11/22']
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes in use that garbage collection leaves. */
function used(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Puts 10,000 objects of today, the rest of the two days before, in ten regions. Piece by piece, so that nothing large is left to collect. */
async function seed(endpoint: string): Promise<unknown> {
  let answer: unknown
  for (let from = 0; from < objects; from += 2000) {
    const keys = Array.from({ length: 2000 }, (_unused, at) => {
      const i = from + at
      const day = i < objects / 10 ? days[0]! : days[1 + (i % 2)]!
      const region = `eu-west-${Math.floor(i / 2) % 10}`
      return `AWSLogs/123456789012/vpcflowlogs/${region}/${day}/123456789012_vpcflowlogs_${region}_fl-0123456789abcdef0_${day.replaceAll('/', '')}T1155Z_${i}.log.gz`
    })
    const headers = { 'content-type': 'application/octet-stream' }
    answer = await (await fetch(`${endpoint}/_listed`, { method: 'PUT', headers, body: JSON.stringify({ bucket, keys }) })).json()
  }
  return answer
}

const lists = (): Promise<number> => counted('flowloom_s3_requests_total', { operation: 'list' })
const rounds = (): Promise<number> => counted('flowloom_discover_rounds_total')

test('100,000 objects are found once, in bounded memory, and old days are not listed in each round', { timeout: 240_000 }, async t => {
  const folder = mkdtempSync(join(tmpdir(), 'flowloom-many-'))
  const { s3: port } = await freePorts()
  const endpoint = `http://127.0.0.1:${port}`
  const server = new ChildService(s3Service({ port, folder, buckets: [bucket] }), { logs: folder, run: folder }, () => undefined)
  await server.start()
  const stop = new AbortController()
  t.after(async () => {
    stop.abort()
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  assert.deepEqual(await seed(endpoint), { objects })

  const { s3: settings } = checkConfig({
    s3: { endpoint, pathStyle: true, accessKeyId: 'test', secretAccessKey: 'test', sources: [{ bucket }], pollIntervalMs: 100 },
  })
  const source = createDiscoverSource({ settings, stores: createS3Stores(settings), quietDayRounds: 1000 })
  const cluster = new MemoryCluster({ clockMs: Date.parse('2026-11-24T12:00:00Z'), partitions: 1 })
  let announced = 0
  let sends = 0
  let mostBytes = 0
  used()
  await sleep(200)
  const before = used()
  const context = cluster.createSourceContext(source, 0, stop.signal)
  const running = source.runShard({
    ...context,
    send: async (_topic, _partition, records) => {
      announced += records.length
      if (++sends % 20 === 0) mostBytes = Math.max(mostBytes, used() - before)
      return Promise.resolve()
    },
  })
  while (!source.ready()) await sleep(20)
  assert.equal(announced, objects)
  const firstRound = await lists()
  const kept = used() - before
  const [fromRound, fromLists] = [await rounds(), await lists()]
  while ((await rounds()) < fromRound + 2) await sleep(20)
  const perRound = ((await lists()) - fromLists) / ((await rounds()) - fromRound)
  stop.abort()
  await running
  assert.equal(announced, objects, 'nothing is announced again')
  t.diagnostic(
    JSON.stringify({ bytesPerObject: Math.round(kept / objects), mostMiB: +(mostBytes / 2 ** 20).toFixed(1), firstRound, perRound }),
  )
  assert.ok(kept > 0 && kept / objects < 120, `${kept / objects} bytes an object`)
  assert.ok(mostBytes > 0 && mostBytes < 32 * 2 ** 20, `${mostBytes} bytes at most`)
  assert.ok(firstRound <= objects / 1000 + 100, `${firstRound} requests in the first round`)
  assert.ok(perRound <= 40, `${perRound} requests in a later round: today and the folders`)
})
