import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createEnrichRole } from '../../../../processors/enrich/enrich-processor.ts'
import { linesRead, linesReplayed } from '../../../../processors/enrich/enrich-metrics.ts'
import { fullV5Format } from '../../../../flow/fields.ts'
import type { Role } from '../../../../runtime/task.ts'
import { rawLineHeaders, topics } from '../../../../schemas/topics.ts'
import { MemoryCluster } from '../../../../harness/memory-context.ts'

const lookups = { country: 'none', asn: 'none', threats: [], reloadMs: 0, dictionaryEntries: 1000 }
const roleOf = (kafka = { commitRows: 200_000, commitIntervalMs: 500 }): Role => createEnrichRole({ lookups, kafka })
const header = fullV5Format.join(' ')
const object = {
  bucket: 'logs',
  key: 'AWSLogs/123456789012/vpcflowlogs/us-east-1/2023/11/14/123456789012_vpcflowlogs_us-east-1_fl-0a1b2c3d_20231114T2215Z_d5f2a1b0.log.gz',
}
const flow = (line: number, action = 'ACCEPT'): string =>
  `5 123456789010 eni-1 10.0.0.${line % 200} 52.1.2.3 ${1024 + line} 443 6 10 840 1700000000 1700000060 ${action} OK vpc-1 subnet-1 i-1 2 IPv4 10.0.0.${line % 200} 52.1.2.3 us-east-1 use1-az1 - - - S3 egress 8`
const gap = '5 123456789010 eni-1 - - - - - - - 1700000000 1700000060 - NODATA vpc-1 subnet-1 i-1 - - - - us-east-1 use1-az1 - - - - - -'

function put(cluster: MemoryCluster, lines: readonly string[], firstLine: number, headers: Record<string, string> = {}): void {
  const all = {
    [rawLineHeaders.header]: header,
    [rawLineHeaders.etag]: 'abc',
    [rawLineHeaders.objectId]: '0123456789abcdef',
    [rawLineHeaders.firstLine]: String(firstLine),
    [rawLineHeaders.lines]: String(lines.length),
    ...headers,
  }
  cluster.append('rawLines', 0, [
    { key: cluster.codecs.rawLines.encodeKey(object), value: Buffer.from(`${lines.join('\n')}\n`), headers: all },
  ])
}

void describe('the enrich role', () => {
  void it('turns blocks into flows, gaps, dead letters and sightings in one transaction', async () => {
    const cluster = new MemoryCluster({ partitions: { lines: 1, flows: 4, addresses: 2, few: 3 } })
    put(cluster, [flow(1), flow(2), gap, '', 'x y z'], 2)
    put(cluster, [flow(3)], 7)
    await cluster.runRole(roleOf())
    const flows = cluster.readCommitted('flows')
    assert.deepEqual(flows.map(({ value }) => value!.line).sort(), [2, 3, 7])
    for (const { value, key } of flows) {
      assert.equal(value!.objectId.toString('hex'), '0123456789abcdef')
      assert.deepEqual([key.highAddr, key.highPort, key.protocol], ['52.1.2.3', 443, 6])
      assert.equal(value!.timeSource, 'logged')
    }
    const gaps = cluster.readCommitted('flowGaps')
    assert.deepEqual(
      gaps.map(({ key, value }) => [key.interfaceId, value!.kind, value!.line, value!.vpcId, value!.start, value!.end]),
      [['eni-1', 'NODATA', 4, 'vpc-1', 1_700_000_000, 1_700_000_060]],
    )
    const dead = cluster.readCommitted('deadLetters')
    assert.deepEqual(
      dead.map(({ key, value }) => [
        key.key,
        value!.line,
        value!.stage,
        value!.reason,
        value!.bytes.toString(),
        value!.header,
        value!.etag,
      ]),
      [[object.key, 6, 'enrich', 'too-few-fields', 'x y z', header, 'abc']],
    )
    const sightings = cluster.readCommitted('ipSightings')
    assert.deepEqual(sightings.map(({ key }) => `${key.scope} ${key.ip}`).sort(), [
      'aws 52.1.2.3',
      'vpc-1 10.0.0.1',
      'vpc-1 10.0.0.2',
      'vpc-1 10.0.0.3',
    ])
    assert.deepEqual(cluster.commits, [{ role: 'enrich', partition: 0, position: { offset: 2, metadata: '' } }])
  })

  void it('reads a line that was sent back as the same line, counts it apart, and numbers its refusal', async () => {
    const cluster = new MemoryCluster()
    const counted = async (metric: { get(): Promise<{ values: { labels: object; value: number }[] }> }): Promise<Map<string, number>> =>
      new Map((await metric.get()).values.map(({ labels, value }) => [Object.values(labels).join(), value]))
    const before = { read: await counted(linesRead), replayed: await counted(linesReplayed) }
    put(cluster, [flow(7)], 7, { [rawLineHeaders.attempt]: '1', [rawLineHeaders.refusedBy]: 'fetch' })
    put(cluster, ['x y z'], 8, { [rawLineHeaders.attempt]: '2', [rawLineHeaders.refusedBy]: 'enrich' })
    put(cluster, ['x y'], 9)
    await cluster.runRole(roleOf())
    assert.deepEqual(
      cluster.readCommitted('flows').map(({ value }) => [value!.objectId.toString('hex'), value!.line]),
      [['0123456789abcdef', 7]],
    )
    assert.deepEqual(
      cluster.readCommitted('deadLetters').map(({ value }) => [value!.line, value!.attempt]),
      [
        [8, 2],
        [9, 0],
      ],
    )
    const after = { read: await counted(linesRead), replayed: await counted(linesReplayed) }
    const grown = (which: 'read' | 'replayed', kind: string): number => (after[which].get(kind) ?? 0) - (before[which].get(kind) ?? 0)
    assert.deepEqual([grown('read', 'flow'), grown('read', 'dead')], [0, 1])
    assert.deepEqual([grown('replayed', 'flow'), grown('replayed', 'dead')], [1, 1])
  })

  void it('sends each line of a block whose header is missing to dead letters', async () => {
    const cluster = new MemoryCluster()
    cluster.append('rawLines', 0, [{ key: cluster.codecs.rawLines.encodeKey(object), value: Buffer.from('a\nb\n'), headers: {} }])
    cluster.append('rawLines', 0, [{ key: null, value: Buffer.from('c\n'), headers: {} }])
    cluster.append('rawLines', 0, [{ key: null, value: null, headers: {} }])
    await cluster.runRole(roleOf())
    assert.deepEqual(
      cluster.readCommitted('deadLetters').map(({ key, value }) => [key.bucket, value!.line, value!.reason, value!.bytes.toString()]),
      [
        ['logs', 1, 'no-columns', 'a'],
        ['logs', 2, 'no-columns', 'b'],
        ['', 1, 'no-columns', 'c'],
      ],
    )
    assert.equal(cluster.commits.at(-1)!.position!.offset, 3)
  })

  void it('does not wait for a clock that was set back', async () => {
    const cluster = new MemoryCluster()
    put(cluster, [flow(1)], 2)
    const task = await cluster.startTask(roleOf({ commitRows: 4, commitIntervalMs: 500 }), 0)
    await task.step()
    cluster.clockMs -= 3_600_000
    await task.tick()
    assert.deepEqual(
      cluster.commits.map(({ position }) => position!.offset),
      [1],
    )
  })

  void it('commits by rows, and by time in tick', async () => {
    const cluster = new MemoryCluster()
    for (let i = 0; i < 5; i++) put(cluster, [flow(2 * i), flow(2 * i + 1)], 2 + 2 * i)
    const role = roleOf({ commitRows: 4, commitIntervalMs: 500 })
    const task = await cluster.startTask(role, 0)
    await task.step()
    assert.deepEqual(
      cluster.commits.map(({ position }) => position!.offset),
      [2, 4],
    )
    await task.tick()
    assert.equal(cluster.commits.length, 2)
    cluster.clockMs += 500
    await task.tick()
    assert.equal(cluster.commits.at(-1)!.position!.offset, 5)
    await task.tick()
    await task.stop()
    assert.equal(cluster.commits.length, 3)
    assert.equal(cluster.readCommitted('flows').length, 10)
  })

  void it('gives every flow once when a send or a commit fails and a new task goes on', async () => {
    for (const [point, after] of [
      ['send', 0],
      ['send', 1],
      ['send', 3],
      ['commit', 0],
      ['commit', 1],
      ['commit-unknown', 0],
    ] as const) {
      const cluster = new MemoryCluster({ partitions: { lines: 1, flows: 3 } })
      const role = roleOf({ commitRows: 60, commitIntervalMs: 500 })
      for (let i = 0; i < 10; i++)
        put(
          cluster,
          Array.from({ length: 20 }, (_, j) => flow(20 * i + j)),
          2 + 20 * i,
        )
      const first = await cluster.startTask(role, 0)
      first.context.failAt(point, after)
      await assert.rejects(async () => {
        await first.drain(2)
        await first.stop()
      })
      await cluster.runRole(role, { maxRecords: 3 })
      assert.deepEqual(
        cluster
          .readCommitted('flows')
          .map(({ value }) => value!.line)
          .sort((a, b) => a - b),
        Array.from({ length: 200 }, (_, i) => i + 2),
        `${point} ${after}`,
      )
    }
  })

  void it('cuts slabs below the message limit and keeps the flows of a conversation in one partition', async () => {
    const cluster = new MemoryCluster({ partitions: { lines: 1, flows: 2 } })
    const sizes: number[] = []
    const role = roleOf()
    const lines = Array.from({ length: 9000 }, (_, i) => flow(i))
    put(cluster, lines, 2)
    put(cluster, lines, 9002)
    const context = cluster.createContext(role, 0)
    const sendAll = context.sendAll.bind(context)
    context.sendAll = async parts => {
      for (const { topic, records } of parts) if ('bytes' in records && topic.name === topics.flows.name) sizes.push(records.bytes.length)
      return sendAll(parts)
    }
    const task = role.createTask(context)
    await task.start?.({ offset: 0, metadata: '' })
    await task.process({ records: cluster.partition('rawLines', 0), slabs: [], nextOffset: 2, lag: 0 })
    await task.stop?.()
    assert.ok(sizes.length >= 6, `${sizes.length} slabs`)
    for (const size of sizes) assert.ok(size <= 800_000)
    const flows = cluster.readCommitted('flows')
    assert.equal(flows.length, 18_000)
    const partitions = new Map<string, number>()
    for (const { keyBytes, partition } of flows) {
      const key = keyBytes!.toString('hex')
      assert.equal(partitions.get(key) ?? partition, partition)
      partitions.set(key, partition)
    }
  })

  void it('starts a new dictionary generation without a difference in the records', async () => {
    const run = async (dictionaryEntries: number): Promise<unknown[]> => {
      const cluster = new MemoryCluster()
      for (let i = 0; i < 30; i++)
        put(
          cluster,
          Array.from({ length: 50 }, (_, j) => flow(7 * i + j)),
          2 + 50 * i,
        )
      await cluster.runRole(
        createEnrichRole({ lookups: { ...lookups, dictionaryEntries }, kafka: { commitRows: 1000, commitIntervalMs: 500 } }),
      )
      return [
        cluster.readCommitted('flows').map(({ bytes }) => bytes!.toString('hex')),
        cluster
          .readCommitted('ipSightings')
          .map(({ value, key }) => JSON.stringify([key, value]))
          .sort(),
      ]
    }
    assert.deepEqual(await run(10), await run(1_000_000))
  })
})
