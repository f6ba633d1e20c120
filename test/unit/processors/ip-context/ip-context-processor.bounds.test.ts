/** What bounds the cloud map, and what happens at each bound. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIpContextRole } from '../../../../processors/ip-context/ip-context-processor.ts'
import { MemoryCluster } from '../../../../harness/memory-context.ts'
import { day, ip, kindsIn, options, put, runsIn, scope } from '../../../support/records/one-address.ts'
import { seen } from '../../../support/records/sightings.ts'

test('a far-future end spoils neither its address nor the others of its partition', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole({ ...options, idleDays: 1, historyDays: 5 })
  cluster.clockMs = day(10) * 1000
  put(cluster, seen('a', [day(10) - 60, 4_000_000_000]))
  cluster.put('ipSightings', { scope, ip: '10.0.0.2' }, seen('b', [day(10) - 600, day(10) - 541]))
  await cluster.runRole(role)
  put(cluster, seen('c', [day(10) + 3700, day(10) + 3759]))
  cluster.put('ipSightings', { scope, ip: '10.0.0.2' }, seen('b', [day(7), day(7) + 9]))
  await cluster.runRole(role)
  assert.deepEqual(
    runsIn(cluster),
    [
      `a ${day(10) - 60}- seen ${day(10) - 60}-${day(10) - 1}`,
      // a record of c that is later than its own time plus an hour teaches nothing
      `a ${day(10)}- seen ${day(10)}-${day(10) + 3600}`,
      `b ${day(10) - 600}- seen ${day(10) - 600}-${day(10) - 541}`,
      `b ${day(7)}- seen ${day(7)}-${day(7) + 9}`,
    ].sort(),
  )
  assert.equal(cluster.latest('cloudMap', key => key.ip).size, 2)
})

test('an idle address leaves the map with its days stored, and comes back without loss', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole({ ...options, idleDays: 5 })
  put(cluster, seen('a', [0, 900]), seen('b', [300, 900]))
  cluster.put('ipSightings', { scope, ip: '10.0.0.2' }, seen('z', [day(20), day(20) + 9]))
  await cluster.runRole(role)
  cluster.put('ipSightings', { scope, ip: '10.0.0.2' }, seen('z', [day(20) + 60, day(20) + 69]))
  await cluster.runRole(role)
  assert.deepEqual([...cluster.latest('cloudMap', key => key.ip).keys()], ['10.0.0.2'])
  assert.equal(cluster.latest('cloudMapDays', key => `${key.ip} ${key.day}`).size, 1)
  assert.equal(kindsIn(cluster).at(-1), 'conflict_ended')
  put(cluster, seen('c', [100, 110]))
  await cluster.runRole(role)
  const runs = ['a 0-100 seen 0-99', 'b 300- seen 300-900 conflict 601', 'c 100-111 seen 100-110', 'a 111-300 seen 111-299']
  assert.deepEqual(
    runsIn(cluster).filter(run => !run.startsWith('z')),
    runs.sort(),
  )
  assert.equal(cluster.latest('cloudMap', key => key.ip).size, 1, 'a sighting of a time long past does not bring it back')
  put(cluster, seen('b', [day(21), day(21) + 9]))
  await cluster.runRole(role)
  assert.equal(cluster.latest('cloudMap', key => key.ip).get(ip)!.current!.interfaceId, 'eni-b')
})

test('what is older than historyDays changes nothing', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole({ ...options, historyDays: 10 })
  put(cluster, seen('a', [day(20), day(20) + 9]))
  await cluster.runRole(role)
  put(cluster, seen('a', [day(9), day(10) + 9]))
  await cluster.runRole(role)
  assert.deepEqual(runsIn(cluster), [`a ${day(10)}- seen ${day(10)}-${day(10) + 9}`, `a ${day(20)}- seen ${day(20)}-${day(20) + 9}`].sort())
})

test('an address that flaps every minute stays small and keeps every run', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole({ ...options, maxStateBytes: 4096, commitRows: 50 })
  const minutes = 3000
  for (let i = 0; i < minutes; i++) put(cluster, seen(String(i % 40), [i * 60, i * 60 + 59]))
  const task = await cluster.startTask(role, 0)
  while ((await task.step(50)) > 0);
  await task.stop()
  assert.equal(cluster.latest('cloudMapRuns', key => `${key.first}`).size, minutes)
  // the newest day stays, however large
  assert.ok(cluster.readCommitted('cloudMap').every(record => record.bytes!.length <= 10_000))
})

test('live data needs no look-ups, late data one call of them', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole(options)
  const task = await cluster.startTask(role, 0)
  const calls: number[] = []
  const lookUp = task.context.lookUp.bind(task.context)
  task.context.lookUp = (topic, keys) => {
    calls.push(keys.length)
    return lookUp(topic, keys)
  }
  for (let d = 0; d < 10; d++) {
    put(cluster, seen('a', [day(d), day(d) + 59]))
    cluster.put('ipSightings', { scope, ip: '10.0.0.2' }, seen('b', [day(d), day(d) + 59]))
    await task.step()
    cluster.clockMs += 1000
    await task.tick()
  }
  assert.deepEqual(calls, [])
  put(cluster, seen('a', [day(2) + 100, day(2) + 159], [day(3) + 100, day(3) + 159]))
  await task.step()
  await task.stop()
  // both days and their neighbours
  assert.deepEqual(calls, [4])
  assert.match(cluster.positionOf(role, 0).metadata, /^cold=7$/)
})

test('a position that was lost leaves the state behind: days of unknown addresses are looked up then', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole({ ...options, idleDays: 5 })
  put(cluster, seen('a', [0, 900]))
  cluster.put('ipSightings', { scope, ip: '10.0.0.2' }, seen('z', [day(20), day(20) + 9]))
  await cluster.runRole(role)
  cluster.put('ipSightings', { scope, ip: '10.0.0.2' }, seen('z', [day(20) + 60, day(20) + 69]))
  await cluster.runRole(role)
  assert.equal(cluster.latest('cloudMap', key => key.ip).has(ip), false)
  put(cluster, seen('b', [300, 310]))
  const context = cluster.createContext(role, 0)
  const task = role.createTask(context)
  for (const record of cluster.partition('cloudMap', 0)) task.restore!(record)
  await task.start!({ offset: 0, metadata: '' })
  const records = cluster.partition('ipSightings', 0)
  await task.process({ records, slabs: [], nextOffset: records.length, lag: 0 })
  await task.stop!()
  assert.deepEqual(
    runsIn(cluster).filter(run => !run.startsWith('z')),
    ['a 0-300 seen 0-299', 'a 311- seen 311-900', 'b 300-311 seen 300-310'],
  )
})

test('a topic that starts at an offset above 0, or a position without the newest stored day: it is asked for once', async () => {
  for (const metadata of ['', `cold=${2 ** 31 - 1}`]) {
    const cluster = new MemoryCluster()
    const role = createIpContextRole(options)
    put(cluster, seen('a', [day(3), day(3) + 9]))
    const context = cluster.createContext(role, 0)
    const task = role.createTask(context)
    await task.start!({ offset: 7, metadata })
    await task.process({ records: cluster.partition('ipSightings', 0), slabs: [], nextOffset: 8, lag: 0 })
    await task.stop!()
    assert.equal(cluster.positionOf(role, 0).metadata, 'cold=-1')
  }
  const cluster = new MemoryCluster()
  const role = createIpContextRole(options)
  for (const d of [0, 4, 9]) {
    put(cluster, seen('a', [day(d), day(d) + 9]))
    await cluster.runRole(role)
  }
  put(cluster, seen('a', [day(9) + 100, day(9) + 109]))
  const context = cluster.createContext(role, 0)
  const task = role.createTask(context)
  for (const record of cluster.partition('cloudMap', 0)) task.restore!(record)
  await task.start!({ offset: 3, metadata: '' })
  await task.process({ records: cluster.partition('ipSightings', 0).slice(3), slabs: [], nextOffset: 4, lag: 0 })
  await task.stop!()
  assert.equal(cluster.positionOf(role, 0).metadata, 'cold=4')
})

test('no call holds up the event loop: a backfill of a year in one transaction', async () => {
  const cluster = new MemoryCluster()
  const role = createIpContextRole(options)
  const ranges = Array.from({ length: 365 }, (_, d) => Array.from({ length: 100 }, (_, i) => day(d) + i * 700)).flat()
  for (const name of ['a', 'b'])
    for (let i = 0; i < ranges.length; i += 10_000)
      put(cluster, { ...seen(name), ranges: ranges.slice(i, i + 10_000).map(first => ({ first, last: first + 20 })) })
  const task = await cluster.startTask(role, 0)
  // CPU time, since other processes may have the machine
  const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000
  let longest = 0
  let last = cpuMs()
  const timer = setInterval(() => {
    longest = Math.max(longest, cpuMs() - last)
    last = cpuMs()
  }, 1)
  await task.drain()
  await task.stop()
  clearInterval(timer)
  assert.equal(cluster.latest('cloudMapRuns', key => `${key.first}`).size, 36_500)
  // the aim is 200 ms; a whole transaction takes seconds, and garbage collection counts on all its threads
  assert.ok(longest < 600, `${longest} ms`)
})
