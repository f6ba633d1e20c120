import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createIpContextRole, type IpContextPoint } from '../../../../processors/ip-context/ip-context-processor.ts'
import type { IpSighting, Owner } from '../../../../schemas/records.ts'
import { MemoryCluster } from '../../../../harness/memory-context.ts'
import { day, ip, kindsIn, options, put, runsIn, scope } from '../../../support/records/one-address.ts'
import { seen } from '../../../support/records/sightings.ts'
import { registry } from '../../../../runtime/metrics.ts'

test('commits by time, with the position, and writes entry, runs and changes', async () => {
  const cluster = new MemoryCluster()
  put(cluster, seen('a', [0, 59]), seen('b', [100, 159]))
  const role = createIpContextRole(options)
  const task = await cluster.startTask(role, 0)
  await task.step()
  await task.tick()
  assert.equal(cluster.commits.length, 0)
  cluster.clockMs += 500
  await task.tick()
  assert.deepEqual(
    cluster.commits.map(commit => commit.position),
    [{ offset: 2, metadata: 'cold=-1' }],
  )
  assert.deepEqual(runsIn(cluster), ['a 0-100 seen 0-59', 'b 100- seen 100-159'])
  const [entry] = cluster.readCommitted('cloudMap')
  assert.equal(entry!.value!.current!.interfaceId, 'eni-b')
  assert.equal(entry!.value!.currentSince, 100)
  assert.equal(entry!.value!.lastSeen, 159)
  assert.deepEqual(
    cluster.readCommitted('cloudMapChanges').map(change => change.value!.kind),
    ['appeared', 'changed'],
  )
})

test('two owners that are seen all night: the entry names the owner of the newest run, not the one that was told last', async () => {
  const cluster = new MemoryCluster()
  const minutes = Array.from({ length: 360 }, (_, i) => day(1) - 3600 + 60 * i)
  put(cluster, seen('a', ...minutes.map((s): [number, number] => [s + 5, s + 50])))
  put(cluster, seen('b', ...minutes.slice(0, -1).map((s): [number, number] => [s + 40, s + 79])))
  await cluster.runRole(createIpContextRole(options))
  const { value } = cluster.readCommitted('cloudMap').at(-1)!
  const newestS = day(1) + 5 * 3600 - 10
  assert.equal(
    runsIn(cluster)
      .find(run => run.includes(`-${newestS}`))
      ?.slice(0, 2),
    'a ',
  )
  // b was seen up to 04:59:19
  assert.deepEqual([value!.current!.interfaceId, value!.currentSince, value!.lastSeen], ['eni-a', newestS - 30, newestS])
})

test('two owners that were seen up to the same second: one holds the address, and nobody alone', async () => {
  const cluster = new MemoryCluster()
  put(cluster, seen('a', [0, 59]), seen('b', [30, 59]))
  await cluster.runRole(createIpContextRole(options))
  const { value } = cluster.readCommitted('cloudMap').at(-1)!
  assert.deepEqual([value!.current!.interfaceId, value!.currentSince, value!.lastSeen], ['eni-b', null, 59])
})

test('a day that leaves an entry early is not what its owner is alone since', async () => {
  const cluster = new MemoryCluster()
  put(cluster, seen('a', [0, 59]), seen('a', [day(1), day(1) + 59]))
  await cluster.runRole(createIpContextRole({ ...options, maxStateBytes: 1 }))
  const { value } = cluster.readCommitted('cloudMap').at(-1)!
  assert.deepEqual([value!.days.length, value!.currentSince], [1, day(1)])
})

test('what a task shows of its state goes when its partition moves, and does not come back', async () => {
  const shown = async (): Promise<number> =>
    (await Promise.all(['entries', 'bytes'].map(name => registry.getSingleMetric(`flowloom_ip_context_state_${name}`)!.get()))).flatMap(
      ({ values }) => values,
    ).length
  const before = await shown()
  const cluster = new MemoryCluster()
  put(cluster, seen('a', [0, 59]))
  const task = await cluster.startTask(createIpContextRole(options), 0)
  await task.drain()
  assert.equal(await shown(), before + 2)
  task.context.abort()
  assert.equal(await shown(), before)
  // it may be in a commit then
  cluster.clockMs += 1000
  await task.tick()
  assert.equal(await shown(), before)
})

test('does not wait for a clock that was set back', async () => {
  const cluster = new MemoryCluster()
  put(cluster, seen('a', [0, 59]))
  const task = await cluster.startTask(createIpContextRole(options), 0)
  await task.step()
  cluster.clockMs -= 3_600_000
  await task.tick()
  assert.equal(cluster.commits.at(-1)?.position?.offset, 1)
})

test('commits by rows', async () => {
  const cluster = new MemoryCluster()
  put(cluster, seen('a', [0, 1]), seen('a', [2, 3]), seen('a', [4, 5]))
  const task = await cluster.startTask(createIpContextRole({ ...options, commitRows: 2 }), 0)
  await task.step(2)
  assert.equal(cluster.commits.at(-1)?.position?.offset, 2)
})

test('a repetition moves the position and writes nothing', async () => {
  const cluster = new MemoryCluster()
  put(cluster, seen('a', [0, 59]))
  const role = createIpContextRole(options)
  await cluster.runRole(role)
  put(cluster, seen('a', [10, 20]))
  await cluster.runRole(role)
  assert.equal(cluster.positionOf(role, 0).offset, 2)
  assert.equal(cluster.readCommitted('cloudMap').length, 1)
  assert.equal(cluster.readCommitted('cloudMapRuns').length, 1)
  assert.equal(cluster.readCommitted('cloudMapChanges').length, 1)
})

test('restores from cloud-map, and ignores barriers and tombstones', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole(options)
  put(cluster, seen('a', [0, 59]))
  await cluster.runRole(role)
  const barrier = cluster.codecs.cloudMap.encodeKey({ scope: '__barrier', ip: '0' })
  cluster.append('cloudMap', 0, [{ key: barrier, value: null, headers: { 'flowloom-barrier': 'x' } }])
  put(cluster, seen('b', [30, 99]))
  await cluster.runRole(role)
  assert.deepEqual(runsIn(cluster), ['a 0-30 seen 0-29', 'b 30- seen 30-99'])
})

test('writes to the partition of its input', async () => {
  const cluster = new MemoryCluster({ partitions: 8 })
  const role = createIpContextRole(options)
  const partitions = ['10.0.0.1', '10.0.0.2', '2001:db8::1'].map(address =>
    cluster.put('ipSightings', { scope, ip: address }, seen('a', [0, 9])),
  )
  await cluster.runRole(role)
  for (const topic of ['cloudMap', 'cloudMapRuns', 'cloudMapChanges'] as const) {
    assert.deepEqual(
      cluster
        .readCommitted(topic)
        .map(record => record.partition)
        .sort((a, b) => a - b),
      partitions.toSorted((a, b) => a - b),
    )
  }
})

test('stops at every point of a transaction without a trace or with all of it', async () => {
  for (const point of ['ip-context-changes-sent', 'ip-context-map-sent', 'ip-context-committed'] satisfies IpContextPoint[]) {
    const cluster = new MemoryCluster()
    put(cluster, seen('a', [0, 59]), seen('b', [100, 159]))
    let kill = true
    const atPoint = (at: IpContextPoint): void => {
      if (kill && at === point) throw new Error(`killed at ${at}`)
    }
    const role = createIpContextRole({ ...options, atPoint })
    await assert.rejects(cluster.runRole(role), /killed at/)
    const committed = point === 'ip-context-committed'
    assert.equal(cluster.readCommitted('cloudMapChanges').length, committed ? 2 : 0)
    kill = false
    await cluster.runRole(role)
    assert.equal(cluster.readCommitted('cloudMapChanges').length, 2)
    assert.deepEqual(runsIn(cluster), ['a 0-100 seen 0-59', 'b 100- seen 100-159'])
  }
})

test('a late run of ten seconds on a day long past does not replace the run of that day', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole(options)
  put(cluster, seen('a', [501, 80_000]), seen('a', [day(10), day(10) + 59]))
  await cluster.runRole(role)
  put(cluster, seen('b', [500, 510]))
  await cluster.runRole(role)
  // a began one second later: it takes the address over, and keeps it
  assert.deepEqual(
    runsIn(cluster),
    ['a 501- seen 501-80000', `a ${day(10)}- seen ${day(10)}-${day(10) + 59}`, 'b 500-501 seen 500-500'].sort(),
  )
  const entry = cluster.latest('cloudMap', key => key.ip).get(ip)!
  assert.equal(entry.current!.interfaceId, 'eni-a')
  assert.deepEqual(kindsIn(cluster), ['appeared', 'corrected'])
})

test('seen each minute for days, then backfilled: one run a day, and the backfill changes none', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole(options)
  const minutes = (from: number, to: number): IpSighting[] =>
    Array.from({ length: (to - from) / 60 }, (_, i) => seen('a', [from + i * 60 + 5, from + i * 60 + 50]))
  for (const sighting of minutes(day(3), day(6))) put(cluster, sighting)
  await cluster.runRole(role)
  const live = runsIn(cluster)
  assert.equal(live.length, 3)
  put(cluster, { ...seen('a'), ranges: minutes(day(0), day(6)).flatMap(sighting => sighting.ranges) })
  await cluster.runRole(role)
  assert.equal(runsIn(cluster).length, 6)
  for (const run of live) assert.ok(runsIn(cluster).includes(run), run)
  assert.ok(cluster.readCommitted('cloudMapRuns').every(record => record.value !== null))
  assert.deepEqual(kindsIn(cluster), ['appeared'])
})

test('a backfill of days of another owner is one correction, not one for each day', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole(options)
  put(cluster, seen('a', [day(100), day(100) + 59]))
  await cluster.runRole(role)
  for (let d = 1; d < 8; d++) {
    put(cluster, seen('b', [day(d), day(d) + 59]))
    await cluster.runRole(role)
  }
  assert.deepEqual(kindsIn(cluster), ['appeared', 'corrected'])
})

test('windows 5-50 and 10-55 of each minute for an hour: one conflict, one end of it, and no change back and forth', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole({ ...options, commitRows: 1 })
  const task = await cluster.startTask(role, 0)
  for (let i = 0; i < 60; i++) put(cluster, seen('a', [i * 60 + 5, i * 60 + 50]), seen('b', [i * 60 + 10, i * 60 + 55]))
  put(cluster, seen('a', [4000, 4300]))
  while ((await task.step(1)) > 0);
  await task.stop()
  assert.deepEqual(kindsIn(cluster), ['appeared', 'changed', 'conflict', 'changed', 'conflict_ended'])
  assert.deepEqual(runsIn(cluster), ['a 3596- seen 3596-4300', 'a 5-10 seen 5-9', 'b 10-3596 seen 10-3595 conflict 3586'])
})

test('two flow logs of one interface, one without instance-id: one owner, and no change', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole({ ...options, commitRows: 1 })
  const task = await cluster.startTask(role, 0)
  for (let i = 0; i < 30; i++) {
    const named = seen('a', [i * 60, i * 60 + 59])
    put(cluster, named, { ...named, owner: { ...named.owner, instanceId: null } })
  }
  while ((await task.step(1)) > 0);
  await task.stop()
  assert.deepEqual(runsIn(cluster), ['a 0- seen 0-1799'])
  assert.deepEqual(kindsIn(cluster), ['appeared'])
})

interface Golden {
  service_addresses?: Record<string, string>
  interface_addresses?: Record<string, Record<string, string | number>>
  owners?: Record<string, Record<string, string | number | null>>
  scope?: string
}
const golden = (name: string): Golden =>
  JSON.parse(readFileSync(new URL(`../../../../examples/logs/${name}/expected.json`, import.meta.url), 'utf8')) as Golden
const textOf = (value: string | number | null | undefined): string | null => (value === undefined || value === null ? null : String(value))
const ownerOf = (fields: Record<string, string | number | null>, vpcId: string | null): Owner => ({
  interfaceId: textOf(fields['interface-id']),
  instanceId: textOf(fields['instance-id']),
  interfaceType: null,
  subnetId: textOf(fields['subnet-id']),
  vpcId: textOf(fields['vpc-id']) ?? vpcId,
  accountId: textOf(fields['account-id']),
  region: textOf(fields['region']),
  azId: textOf(fields['az-id']),
  service: null,
})

for (const name of ['flocon-2024', 'nat-gateway-v5']) {
  test(`golden ${name}: each address has exactly its owner`, async () => {
    const expected = golden(name)
    const cluster = new MemoryCluster()
    const addresses = { ...expected.owners, ...expected.interface_addresses }
    for (const [address, fields] of Object.entries(addresses)) {
      const owner = ownerOf(fields, expected.scope ?? null)
      const first = Number(fields['first-seen'])
      const last = Number(fields['last-seen'])
      cluster.put('ipSightings', { scope: owner.vpcId!, ip: address }, { kind: 'own', owner, ranges: [{ first, last: first + 5 }] })
      cluster.put('ipSightings', { scope: owner.vpcId!, ip: address }, { kind: 'own', owner, ranges: [{ first: last - 3, last }] })
    }
    const nobody: Owner = { ...ownerOf({}, null), service: 'S3' }
    for (const address of Object.keys(expected.service_addresses ?? {}))
      cluster.put(
        'ipSightings',
        { scope: 'aws', ip: address },
        { kind: 'own', owner: nobody, ranges: [{ first: 1690329606, last: 1690329625 }] },
      )
    await cluster.runRole(createIpContextRole(options))
    const map = cluster.latest('cloudMap', key => `${key.scope} ${key.ip}`)
    for (const [address, fields] of Object.entries(addresses)) {
      const owner = ownerOf(fields, expected.scope ?? null)
      const entry = map.get(`${owner.vpcId} ${address}`)!
      assert.deepEqual({ ...entry.current }, owner)
      assert.deepEqual([entry.currentSince, entry.lastSeen], [fields['first-seen'], fields['last-seen']])
    }
    for (const [address, service] of Object.entries(expected.service_addresses ?? {}))
      assert.equal(map.get(`aws ${address}`)?.current?.service, service)
    assert.equal(cluster.latest('cloudMapRuns', key => `${key.scope} ${key.ip} ${key.first}`).size, map.size)
    assert.ok(cluster.readCommitted('cloudMapChanges').every(change => change.value!.kind === 'appeared'))
  })
}
