import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { HealthServer } from '../../../runtime/http.ts'
import { counter, gauge, registry } from '../../../runtime/metrics.ts'

const served = counter('flowloom_test_requests_total', 'For this test', ['role'])

async function serve(
  waiting: readonly string[],
): Promise<{ get: (path: string) => Promise<{ status: number; text: string; type: string | null }>; server: HealthServer }> {
  const server = new HealthServer({ host: '127.0.0.1', port: 0 }, { notReady: () => waiting })
  await server.start()
  return {
    server,
    get: async path => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`)
      return { status: response.status, text: await response.text(), type: response.headers.get('content-type') }
    },
  }
}

const table = [
  { path: '/healthz', waiting: ['enrich'], status: 200, text: 'ok\n' },
  { path: '/readyz', waiting: [], status: 200, text: 'ready\n' },
  { path: '/readyz?full=1', waiting: ['enrich', 'clickhouse'], status: 503, text: 'waiting for enrich, clickhouse\n' },
  { path: '/', waiting: [], status: 404, text: 'try /metrics, /healthz or /readyz\n' },
]
for (const { path, waiting, status, text } of table)
  test(`${path} with ${waiting.length} roles not ready answers ${status}`, async () => {
    const { get, server } = await serve(waiting)
    const answer = await get(path)
    assert.deepEqual([answer.status, answer.text], [status, text])
    await server.stop()
  })

test('/metrics gives every metric in the format of Prometheus', async () => {
  served.inc({ role: 'enrich' }, 3)
  const { get, server } = await serve([])
  const { status, text, type } = await get('/metrics')
  assert.equal(status, 200)
  assert.match(type!, /^text\/plain; version=0\.0\.4/)
  assert.match(text, /^# TYPE flowloom_test_requests_total counter\nflowloom_test_requests_total\{role="enrich"\} 3$/m)
  await server.stop()
})

test('a metric that cannot be collected answers 500 and does not end the process', async () => {
  gauge('flowloom_test_broken', 'For this test')
  const broken = registry.getSingleMetric('flowloom_test_broken')!
  broken.get = () => Promise.reject(new Error('no number'))
  const { get, server } = await serve([])
  const { status, text } = await get('/metrics')
  assert.deepEqual([status, text], [500, 'no number\n'])
  registry.removeSingleMetric('flowloom_test_broken')
  await server.stop()
})

test('a port that is taken is an error of the start, and the part can still be stopped', async () => {
  const other = createServer()
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
  const server = new HealthServer({ host: '127.0.0.1', port: (other.address() as AddressInfo).port }, { notReady: () => [] })
  await assert.rejects(server.start(), { code: 'EADDRINUSE' })
  await server.stop()
  other.close()
})

test('a stop does not wait for open connections', async () => {
  const { get, server } = await serve([])
  await get('/healthz')
  const beganMs = performance.now()
  await server.stop()
  assert.ok(performance.now() - beganMs < 1000)
  await assert.rejects(get('/healthz'))
})
