/** What watching processes computes: the joined page, waits, names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProcesses } from '../../../../cli/run.ts'
import { launchesOf } from '../../../../operations/run-processes.ts'
import { joinPages } from '../../../../runtime/processes/metrics-page.ts'
import { nextWaitMs } from '../../../../runtime/processes/watched-process.ts'

const page = (value: number): string => `# HELP a_total Things, {counted} "all"
# TYPE a_total counter
a_total ${value}

# HELP b_seconds Time
# TYPE b_seconds histogram
b_seconds_bucket{le="0.1",topic="a b}"} ${value}
b_seconds_sum{topic="a b}"} 0.5
b_seconds_count{topic="a b}"} 1
`

test('the joined page has each metric once, and says of each sample whose it is', () => {
  const text = joinPages([
    { process: '1', text: page(3) },
    { process: '2', text: '' },
    { process: '3', text: page(4) },
  ])
  assert.equal(
    text,
    `# HELP a_total Things, {counted} "all"
# TYPE a_total counter
a_total{process="1"} 3
a_total{process="3"} 4

# HELP b_seconds Time
# TYPE b_seconds histogram
b_seconds_bucket{process="1",le="0.1",topic="a b}"} 3
b_seconds_sum{process="1",topic="a b}"} 0.5
b_seconds_count{process="1",topic="a b}"} 1
b_seconds_bucket{process="3",le="0.1",topic="a b}"} 4
b_seconds_sum{process="3",topic="a b}"} 0.5
b_seconds_count{process="3",topic="a b}"} 1
`,
  )
  assert.equal(joinPages([]), '')
})

test('a process that ends again and again waits longer each time, up to a bound; one that ran for long begins anew', () => {
  const backOff = { firstMs: 500, longestMs: 30_000, ranLongMs: 60_000 }
  const waits = [500]
  for (let i = 0; i < 8; i++) waits.push(nextWaitMs(waits.at(-1)!, 1000, backOff))
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  assert.equal(nextWaitMs(30_000, 60_000, backOff), 500)
})

test('each process has a slot of its own, from kafka.slot or else the name of the host, and the words of the command', () => {
  const request = { count: 3, roles: 'enrich,clickhouse', file: 'flowloom.yaml' }
  const of = (slot: string | undefined) => launchesOf(request, { kafka: { slot } as never }, 'host-7')
  assert.deepEqual(
    of(undefined).map(({ env }) => env['FLOWLOOM_KAFKA_SLOT']),
    ['host-7-1', 'host-7-2', 'host-7-3'],
  )
  assert.deepEqual(
    of('west').map(({ env }) => env['FLOWLOOM_KAFKA_SLOT']),
    ['west-1', 'west-2', 'west-3'],
  )
  for (const { args, env } of of('west')) {
    assert.deepEqual(args, ['run', '--config', 'flowloom.yaml', '--roles', 'enrich,clickhouse'])
    assert.deepEqual([env['FLOWLOOM_HTTP_HOST'], env['FLOWLOOM_HTTP_PORT']], ['127.0.0.1', '0'])
  }
})

test('a number of processes that is none is refused', () => {
  assert.deepEqual(['1', '16', '256'].map(parseProcesses), [1, 16, 256])
  for (const text of ['0', '-1', '1.5', '257', 'auto', '', '1e2']) assert.throws(() => parseProcesses(text), { code: 'USAGE' }, text)
})
