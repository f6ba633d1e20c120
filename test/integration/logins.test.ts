/** What a command and a starting role say where the registry or ClickHouse refuses the login; and the order of asking. Servers are stubs. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { untilAvailable } from '../../operations/session.ts'
import { loadConfig } from '../../config/config.ts'
import type { FlowError } from '../../runtime/errors.ts'
import { createLog } from '../../runtime/log.ts'
import { Registry } from '../../runtime/registry.ts'
import { connectClickHouse } from '../../sinks/clickhouse/clickhouse-client.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) server.closeAllConnections()
  for (const server of servers) server.close()
})

async function answering(status: number, body: string, headers: Record<string, string> = {}): Promise<string> {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(status, headers).end(body)
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** What a role does at its start. */
const patiently = (call: () => Promise<unknown>): Promise<unknown> =>
  untilAvailable(call, createLog('silent'), AbortSignal.timeout(5000), true)

for (const status of [401, 403])
  test(`a role does not wait for a registry that answers ${status}`, { timeout: 10_000 }, async () => {
    const url = await answering(status, '{"error_code":40101,"message":"Unauthorized"}', { 'content-type': 'application/json' })
    const registry = new Registry(loadConfig({ env: {}, overrides: { registry: { url } } }).registry, 'x.')
    for (const call of [() => registry.schemaIds(), () => registry.loadSchema(1)])
      await assert.rejects(patiently(call), {
        code: 'REGISTRY_LOGIN',
        message: /refuses the login: .*check registry\.username and registry\.password/,
      })
  })

for (const code of ['192', '193', '194', '516'])
  test(`a role does not wait for a ClickHouse that refuses its login with code ${code}`, { timeout: 10_000 }, async () => {
    const text = `Code: ${code}. DB::Exception: default: Authentication failed. (AUTHENTICATION_FAILED)`
    const url = await answering(403, text, { 'x-clickhouse-exception-code': code })
    const store = connectClickHouse(loadConfig({ env: {}, overrides: { clickhouse: { url } } }).clickhouse)
    await assert.rejects(
      patiently(() => store.query('SELECT 1')),
      (error: FlowError) => {
        assert.deepEqual([error.code, error.retriable], ['CLICKHOUSE_LOGIN', true])
        assert.match(error.message, /refuses the login .*check clickhouse\.username and clickhouse\.password$/)
        return true
      },
    )
    await store.close()
  })
