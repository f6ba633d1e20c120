// Overlapping flow logs, counted once; read by the real roles (Kafka and S3 in memory) into a real ClickHouse engine. All times are fixed.
import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { reportCoverage } from '../../operations/coverage/report.ts'
import type { Store } from '../../sinks/clickhouse/store.ts'
import { file, flowLine, narrow, slot, wide, wideLine } from '../support/clickhouse/coverage-lines.ts'
import { liveClickHouse, type LiveClickHouse } from '../support/clickhouse/live-clickhouse.ts'
import { place, TablePath } from '../support/clickhouse/table-path.ts'

let server: LiveClickHouse
before(async () => (server = await liveClickHouse()))
afterEach(() => server.giveBack())
after(() => server.stop())

const noAction =
  'account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end vpc-id subnet-id instance-id az-id'

const skip = (start: number, tail = ''): string => `2 ${place.accountId} eni-1 - - - - - - - ${start} ${start + 59} - SKIPDATA${tail}`

const whole = "from = '2026-11-24 09:00:00', to = '2026-11-24 12:00:00'"
/** Flow log, interface and port of each flow that counts, in order. */
async function once(store: Store, bounds = whole): Promise<string[]> {
  const rows = await store.query<{ flow: string }>(
    `SELECT concat(o.flow_log_id, ' ', i.interface_id, ' ', toString(f.local_port)) AS flow FROM flows_once(${bounds}) AS f
     LEFT ANY JOIN (SELECT DISTINCT object_id, flow_log_id FROM objects) AS o ON f.object_id = o.object_id
     LEFT ANY JOIN interfaces AS i ON f.interface = i.interface ORDER BY flow`,
  )
  return rows.map(row => row.flow)
}
const overlaps = async (store: Store): Promise<unknown[][]> =>
  (
    await store.query<Record<string, unknown>>(
      `SELECT toString(slot) AS slot, observer, rejected, flow_logs, counted, records, toUInt8(repeated_records) AS repeated FROM flow_log_overlaps(${whole}) ORDER BY slot, observer, rejected`,
    )
  ).map(row => Object.values(row))

/** Reads objects into a database of their own. */
async function read(objects: readonly (readonly [flowLogId: string, slotS: number, body: string])[]): Promise<TablePath> {
  const path = await TablePath.open(server)
  for (const [flowLogId, slotS, body] of objects) path.put(flowLogId, slotS, body)
  await path.work()
  return path
}

describe('two flow logs over the same interface', () => {
  it('are reported and counted once, by the wider format; an interface of only one of them counts whole', async () => {
    const both = [1, 2, 3].map(port => ({ port, start: slot(0) + port }))
    const alone = { eni: 'eni-2', port: 7, start: slot(0) }
    const path = await read([
      ['fl-a', slot(0), file(narrow, [...both, alone].map(flowLine))],
      ['fl-b', slot(0), file(wide, both.map(wideLine))],
    ])
    const { store } = path
    assert.deepEqual(await store.query('SELECT toUInt8(count()) AS rows FROM flows'), [{ rows: 7 }])
    assert.deepEqual(await once(store), ['fl-a eni-2 7', 'fl-b eni-1 1', 'fl-b eni-1 2', 'fl-b eni-1 3'])
    assert.deepEqual(await overlaps(store), [['2026-11-24 10:00:00', 'eni-1', 0, ['fl-b', 'fl-a'], 'fl-b', ['3', '3'], 3]])
    const scope = {
      from: slot(-6),
      to: slot(6),
      account: '',
      region: '',
      flowLogs: [],
      lateS: 900,
      everyS: 300,
      notDue: slot(1),
      endedAfterS: 604_800,
    }
    const report = await reportCoverage(store, scope)
    assert.deepEqual(report.overlaps, [
      {
        observer: 'eni-1',
        flowLogs: ['fl-a', 'fl-b'],
        counted: 'fl-b',
        slots: 1,
        repeated: 3,
        incomplete: 0,
        first: slot(0),
        last: slot(1) - 1,
      },
    ])
    assert.deepEqual((await reportCoverage(store, { ...scope, flowLogs: ['fl-other'] })).overlaps, [])
  })

  it('are counted by the one with more bytes, wherever the asked time begins; flow logs with the same bytes of one width by id', async () => {
    const path = await read([
      [
        'fl-b',
        slot(0),
        file(
          narrow,
          [1, 2, 3].map(port => flowLine({ port, start: slot(0) + port })),
        ),
      ],
      ['fl-a', slot(0), file(narrow, [flowLine({ port: 1, start: slot(0) + 1 })])],
    ])
    // fl-a is not whole: it saw one of three flows
    assert.deepEqual(await once(path.store), ['fl-b eni-1 1', 'fl-b eni-1 2', 'fl-b eni-1 3'])
    assert.deepEqual(await once(path.store, "from = '2026-11-24 10:00:02', to = '2026-11-24 10:00:04'"), ['fl-b eni-1 2', 'fl-b eni-1 3'])
    path.put('fl-a', slot(0), file(narrow, [2, 3].map(port => flowLine({ port, start: slot(0) + port }))), { hash: 'aaaaaaaa' }) // prettier-ignore
    await path.work()
    assert.deepEqual(await once(path.store), ['fl-a eni-1 1', 'fl-a eni-1 2', 'fl-a eni-1 3'])
    assert.deepEqual(await once(path.store, "from = '2026-11-24 10:00:02', to = '2026-11-24 10:00:04'"), ['fl-a eni-1 2', 'fl-a eni-1 3'])
  })

  it('for accepted and for rejected traffic do not overlap', async () => {
    const accepted = { port: 1, start: slot(0) }
    const rejected = { port: 2, start: slot(0), action: 'REJECT' }
    const path = await read([
      ['fl-all', slot(0), file(narrow, [accepted, rejected].map(flowLine))],
      ['fl-rejected', slot(0), file(wide, [wideLine(rejected)])],
    ])
    assert.deepEqual(await once(path.store), ['fl-all eni-1 1', 'fl-rejected eni-1 2'])
    assert.deepEqual(
      (await overlaps(path.store)).map(row => [row[2], row[4]]),
      [[1, 'fl-rejected']],
    )
  })

  it('without an action overlap with accepted traffic', async () => {
    const path = await read([
      [
        'fl-a',
        slot(0),
        file(noAction, [
          `${place.accountId} eni-1 10.0.0.5 198.51.100.7 1 443 6 10 840 ${slot(0)} ${slot(0) + 59} vpc-1 subnet-1 i-1 az-1`,
        ]),
      ],
      ['fl-b', slot(0), file(narrow, [flowLine({ port: 1, start: slot(0) }), flowLine({ port: 2, start: slot(0), action: 'REJECT' })])],
    ])
    assert.deepEqual(await once(path.store), ['fl-a eni-1 1', 'fl-b eni-1 2'])
  })

  it('with windows of ten minutes and of one minute overlap in each slot of the longer window', async () => {
    const path = await read([
      [
        'fl-long',
        slot(1),
        file(
          wide,
          [1, 2].map(port => wideLine({ port, start: slot(0), end: slot(2) - 1 })),
        ),
      ],
      ['fl-long', slot(2), file(wide, [wideLine({ port: 9, start: slot(2) })])],
      ['fl-short', slot(0), file(narrow, [flowLine({ port: 1, start: slot(0) })])],
      ['fl-short', slot(1), file(narrow, [flowLine({ port: 1, start: slot(1) + 60 })])],
      ['fl-short', slot(2), file(narrow, [flowLine({ port: 9, start: slot(2) })])],
    ])
    assert.deepEqual(await once(path.store), ['fl-long eni-1 1', 'fl-long eni-1 2', 'fl-long eni-1 9'])
    assert.deepEqual(await once(path.store, "from = '2026-11-24 10:05:00', to = '2026-11-24 10:10:00'"), [])
  })

  it('are counted by the one that lost nothing', async () => {
    const lines = [1, 2].map(port => ({ port, start: slot(0) + port }))
    const path = await read([
      ['fl-a', slot(0), file(narrow, lines.map(flowLine))],
      ['fl-b', slot(0), file(wide, [wideLine(lines[0]!), skip(slot(0) + 1, ' vpc-1 subnet-1 i-1 - -')])],
    ])
    assert.deepEqual(await once(path.store), ['fl-a eni-1 1', 'fl-a eni-1 2'])
  })
})

describe('objects whose keys name no flow log', () => {
  const ports = Array.from({ length: 40 }, (_unused, port) => port + 1)
  const body = (some: readonly number[]): string => file(narrow, some.map(port => flowLine({ port, start: slot(0) + port }))) // prettier-ignore
  const count = async (store: Store): Promise<number> =>
    Number((await store.query<{ n: string }>(`SELECT count() AS n FROM flows_once(${whole})`))[0]!.n)
  const exported = 'exportedlogs/0a1b2c3d-0a1b-0c1d-8e2f-0a1b2c3d4e5f/eni-1-all/000000.gz'

  it('are compared by bucket and first folder: a stream of Firehose and an export of the same lines count once', async () => {
    const path = await read([])
    path.putKey('firehose/2026/11/24/10/stream-1-2026-11-24-10-00-00-a', body(ports.slice(0, 25)), slot(1))
    path.putKey('firehose/2026/11/24/10/stream-1-2026-11-24-10-05-00-b', body(ports.slice(25)), slot(2))
    path.putKey(exported, body(ports), slot(9))
    await path.work()
    assert.deepEqual([await count(path.store), (await overlaps(path.store)).map(row => row[3])], [40, [['s3://flow-logs/exportedlogs/', 's3://flow-logs/firehose/']]]) // prettier-ignore
    // what one stream delivers again cannot be told from traffic
    path.putKey('firehose/2026/11/24/10/stream-1-2026-11-24-10-06-00-c', body(ports.slice(0, 10)), slot(2))
    await path.work()
    assert.equal(await count(path.store), 50)
  })

  it('stay one flow log where the first folder is a date, a task, an interface or a partition', async () => {
    const path = await read([])
    for (const [i, key] of [
      '2026/11/24/10/a',
      '2026-11-24/b',
      exported.slice(13),
      'eni-1-all/000000.gz',
      'year=2026/month=11/c',
      'd',
    ].entries())
      path.putKey(key, body([i + 1]), slot(1))
    await path.work()
    assert.deepEqual([await count(path.store), await path.store.query('SELECT DISTINCT origin FROM objects')], [6, [{ origin: 's3://flow-logs/' }]]) // prettier-ignore
  })
})

describe('a flow log of which an object never came', () => {
  const minute = (n: number): number => slot(0) + n * 60
  /** 6,000 bytes at the 45th second of each of 59 minutes: the records of windows of a length, of which the first one begins before or at the hour. */
  const records = (windowS: number, first: number): (readonly [start: number, end: number, bytes: number])[] => {
    const all: (readonly [number, number, number])[] = []
    for (let start = first; start < minute(60); start += windowS) {
      const count = Array.from({ length: 59 }, (_unused, n) => minute(n) + 45).filter(at => at >= start && at < start + windowS).length
      if (count > 0) all.push([Math.max(start, minute(0)), start + windowS - 1, count * 6000])
    }
    return all
  }
  /** Uploads the objects of the slots in which the records end, but for those that never came. */
  function deliver(path: TablePath, flowLog: string, isWide: boolean, all: ReturnType<typeof records>, lost: readonly number[]): void {
    const bySlot = Map.groupBy(all, ([, end]) => Math.floor((end - slot(0)) / 300))
    for (const [n, some] of bySlot) {
      if (lost.includes(n)) continue
      const lines = some.map(([start, end, bytes]) => (isWide ? wideLine : flowLine)({ start, end }).replace(' 10 840 ', ` 10 ${bytes} `))
      path.put(flowLog, slot(n), file(isWide ? wide : narrow, lines))
    }
  }
  const sum = async (store: Store): Promise<number> =>
    Number((await store.query<{ n: string }>(`SELECT sum(bytes) AS n FROM flows_once(${whole})`))[0]!.n)
  const incomplete = async (store: Store): Promise<number> =>
    (await store.query<{ n: number }>(`SELECT toUInt8(max(incomplete)) AS n FROM flow_log_overlaps(${whole})`))[0]!.n

  it('is not whole there, so that one with windows of another length counts, which reach over the half hour', async () => {
    const path = await read([])
    deliver(path, 'fl-aa', true, records(60, minute(0) + 30), [4])
    deliver(path, 'fl-bb', false, records(600, minute(0) - 300), [])
    await path.work()
    assert.deepEqual([await sum(path.store), await incomplete(path.store)], [59 * 6000, 1])
  })

  it('is not whole there, and one with the same windows counts', async () => {
    const path = await read([])
    deliver(path, 'fl-aa', true, records(60, minute(0)), [4])
    deliver(path, 'fl-bb', false, records(60, minute(0)), [])
    await path.work()
    assert.deepEqual([await sum(path.store), await incomplete(path.store)], [59 * 6000, 0])
  })

  it('is not looked for where windows of ten minutes leave every other slot empty', async () => {
    const path = await read([])
    deliver(path, 'fl-aa', true, records(600, minute(0)), [])
    deliver(path, 'fl-bb', false, records(60, minute(0)), [])
    await path.work()
    assert.deepEqual([await sum(path.store), await incomplete(path.store)], [59 * 6000, 0])
  })
})

describe('flows_once', () => {
  it('takes the newest version of an object that was overwritten, and the old one until the new one is read', async () => {
    const path = await read([])
    const key = path.put('fl-a', slot(0), file(narrow, [flowLine({ port: 1, start: slot(0) })]))
    await path.work()
    path.objects.put(path.bucket, key, 'broken\n')
    path.putKey(key, 'broken\n', slot(2))
    await path.work()
    assert.deepEqual(await once(path.store), ['fl-a eni-1 1'])
    path.putKey(
      key,
      file(
        narrow,
        [2, 3].map(port => flowLine({ port, start: slot(0) })),
      ),
      slot(3),
    )
    await path.work()
    assert.deepEqual(await once(path.store), ['fl-a eni-1 2', 'fl-a eni-1 3'])
    assert.deepEqual(await path.store.query('SELECT toUInt8(count()) AS rows FROM flows'), [{ rows: 3 }])
  })

  it('leaves out what was read of a newer version that broke off', async () => {
    const path = await read([])
    const old = [1, 2].map(port => flowLine({ port, start: slot(0) }))
    const key = path.put('fl-a', slot(0), file(narrow, old))
    await path.work()
    // long enough for more than one transaction
    const lines = Array.from({ length: 6000 }, (_unused, n) => flowLine({ port: 3 + n, start: slot(0) }).replaceAll(' ', ' '.repeat(250)))
    const whole = gzipSync(file(narrow, lines), { level: 0 })
    path.putKey(key, whole.subarray(0, whole.length - 5000), slot(2))
    await path.work()
    const [row] = await path.store.query<{ n: number }>('SELECT toUInt32(count()) AS n FROM flows')
    assert.ok(row!.n > 100 && row!.n < 6000, String(row!.n))
    assert.deepEqual(await once(path.store), ['fl-a eni-1 1', 'fl-a eni-1 2'])
  })

  it('stays with the newer version where S3 gets back the bytes of an older one, and so does coverage', async () => {
    const path = await read([])
    const old = file(narrow, [1, 2].map(port => flowLine({ port, start: slot(0) }))) // prettier-ignore
    const key = path.put('fl-a', slot(0), old)
    await path.work()
    path.putKey(key, file(narrow, [flowLine({ port: 3, start: slot(0) })]), slot(2))
    await path.work()
    const known = async (): Promise<unknown> =>
      path.store.query(
        `SELECT c.current AS current, c.state AS state, toUInt8(c.flows) AS flows, s.last_arrival AS last_arrival, toUInt8(s.replaced) AS replaced
         FROM object_coverage AS c LEFT JOIN coverage AS s ON c.slot = s.slot ORDER BY current`,
      )
    const before = await known()
    path.putKey(key, old, slot(3))
    await path.work()
    assert.deepEqual(await once(path.store), ['fl-a eni-1 3'])
    assert.deepEqual(await known(), before)
  })

  it('takes the older version where its bytes come back before the newer one could be read; coverage names the newer one as failed', async () => {
    const path = await read([])
    const old = file(narrow, [1, 2].map(port => flowLine({ port, start: slot(0) }))) // prettier-ignore
    const key = path.put('fl-a', slot(0), old)
    await path.work()
    path.objects.deny(path.bucket, key)
    path.putKey(key, file(narrow, [flowLine({ port: 3, start: slot(0) })]), slot(2))
    await path.work()
    path.objects.allow()
    path.putKey(key, old, slot(3))
    await path.work()
    assert.deepEqual(await once(path.store), ['fl-a eni-1 1', 'fl-a eni-1 2'])
    assert.deepEqual(await path.store.query('SELECT state, error_code FROM object_coverage WHERE current'), [
      { state: 'failed', error_code: 'S3_CHANGED' },
    ])
    // the same lines in other bytes are a new version
    path.putKey(key, `${old}\n`, slot(4))
    await path.work()
    assert.deepEqual(await once(path.store), ['fl-a eni-1 1', 'fl-a eni-1 2'])
    assert.deepEqual(await path.store.query('SELECT state, toUInt8(replaced) AS replaced FROM coverage'), [
      { state: 'covered', replaced: 2 },
    ])
  })

  it('keeps what it cannot compare: records without an interface', async () => {
    const bare = (port: number): string => `10.0.0.5 198.51.100.7 ${port} 443 ${slot(0)} ${slot(0) + 59}`
    const header = 'srcaddr dstaddr srcport dstport start end'
    const path = await read([
      ['fl-a', slot(0), file(header, [bare(1)])],
      ['fl-b', slot(0), file(header, [bare(1)])],
    ])
    assert.deepEqual(await once(path.store), ['fl-a  1', 'fl-b  1'])
  })

  it('compares if the ledger has several flow logs around the time', async () => {
    const path = await read([['fl-a', slot(0), file(narrow, [flowLine({ port: 1, start: slot(0) })])]])
    const { store } = path
    // the text of flows_once, asking a view that says which name it was given
    await store.command(
      `CREATE VIEW \`${store.database}\`.branch_by AS WITH 'alone' AS alone, 'compared' AS compared SELECT {repeats:Identifier} AS branch WHERE {from:DateTime('UTC')} < {to:DateTime('UTC')}`,
    )
    const [view] = await store.query<{ text: string }>("SELECT as_select AS text FROM system.tables WHERE database = currentDatabase() AND name = 'flows_once'") // prettier-ignore
    const times = { from: '2026-11-24 09:00:00', to: '2026-11-24 12:00:00' }
    const compares = async (): Promise<boolean> => {
      const rows = await store.query<{ branch: string }>(`SELECT branch FROM (${view!.text.replace(/SELECT[^]*?FROM/, 'SELECT * FROM').replace('flows_once_by', 'branch_by')})`, times) // prettier-ignore
      return rows[0]!.branch === 'compared'
    }
    assert.equal(await compares(), false, 'one flow log')
    path.put('fl-a', slot(1), file(narrow, [flowLine({ port: 1, start: slot(1) })]))
    await path.work()
    assert.equal(await compares(), false, 'one flow log with several objects')
    path.put('fl-b', slot(-280), file(narrow, [flowLine({ port: 1, start: slot(-280) })]))
    await path.work()
    assert.equal(await compares(), true, 'another flow log within a day')
    await store.command(`TRUNCATE TABLE \`${store.database}\`.objects`)
    assert.equal(await compares(), false, 'rows without a ledger: nothing says of which flow log they are')
  })

  it('fails rather than count twice if the flow logs of the time were not counted', async () => {
    const { store } = await read([['fl-a', slot(0), file(narrow, [flowLine({ port: 1, start: slot(0) })])]])
    const uncounted = (from: string): Promise<unknown> =>
      store.query(`SELECT count() FROM flows_once_by(from = '${from}', to = '2026-11-25 00:00:00', repeats = 'uncounted')`)
    await assert.rejects(uncounted('2026-11-24 00:00:00'), /the flow logs of the time were not counted/)
    await uncounted('2026-11-24 23:00:00')
  })

  it('takes any time there is', async () => {
    const path = await read([['fl-a', slot(0), file(narrow, [flowLine({ port: 1, start: slot(0) })])]])
    assert.deepEqual(await once(path.store, "from = '1970-01-01 00:00:00', to = '2106-02-07 06:28:15'"), ['fl-a eni-1 1'])
    assert.deepEqual(await once(path.store, "from = '2026-11-24 10:00:01', to = '2026-11-25 00:00:00'"), [])
  })
})
