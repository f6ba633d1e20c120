/** The token of oauthbearer, from a small HTTP server: what is a refusal, what can pass, and that nothing is waited for for ever. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { checkConfig, type Config } from '../../../../config/config.ts'
import { FlowError } from '../../../../runtime/errors.ts'
import { fetchOauthToken } from '../../../../runtime/kafka/oauth-token.ts'

let answer: (request: IncomingMessage, response: ServerResponse) => void
const server = createServer((request, response) => answer(request, response))

before(() => new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve)))
after(() => {
  server.closeAllConnections()
  server.close()
})

function settings(kafka: Record<string, unknown> = {}): Config['kafka'] {
  const { port } = server.address() as AddressInfo
  const oauth = { oauthTokenUrl: `http://127.0.0.1:${port}/token`, oauthClientId: 'flowloom', oauthClientSecret: 's3cret' }
  return checkConfig({ kafka: { saslMechanism: 'oauthbearer', ...oauth, ...kafka } }).kafka
}

const send = (status: number, body: unknown): void => {
  answer = (_request, response) => {
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

async function faultOf(call: Promise<unknown>): Promise<FlowError> {
  const fault = await call.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(fault instanceof FlowError, String(fault))
  assert.ok(!fault.message.includes('s3cret') && !fault.message.includes('\n'), fault.message)
  return fault
}

test('sends the client by basic authentication and the scope in the form', async () => {
  const seen: unknown[] = []
  answer = (request, response) => {
    let body = ''
    request.on('data', chunk => (body += String(chunk)))
    request.on('end', () => {
      seen.push([request.method, request.url, request.headers.authorization, Object.fromEntries(new URLSearchParams(body))])
      response.end(JSON.stringify({ access_token: 't0ken', token_type: 'bearer' }))
    })
  }
  assert.deepEqual(await fetchOauthToken(settings()), 't0ken')
  assert.deepEqual(await fetchOauthToken(settings({ oauthScope: 'kafka' })), 't0ken')
  const basic = `Basic ${Buffer.from('flowloom:s3cret').toString('base64')}`
  assert.deepEqual(seen, [
    ['POST', '/token', basic, { grant_type: 'client_credentials' }],
    ['POST', '/token', basic, { grant_type: 'client_credentials', scope: 'kafka' }],
  ])
})

for (const { name, status, body, code, text } of [
  {
    name: 'a wrong secret',
    status: 401,
    body: { error: 'invalid_client', error_description: 'no such\nclient' },
    code: 'KAFKA_TOKEN_REFUSED',
    text: /refuses the login \(status 401, invalid_client, no such client\); check kafka\.oauthClientId, kafka\.oauthClientSecret/,
  },
  { name: 'a wrong scope', status: 400, body: { error: 'invalid_scope' }, code: 'KAFKA_TOKEN_REFUSED', text: /status 400, invalid_scope/ },
  { name: 'a refusal without JSON', status: 403, body: '<html>no</html>', code: 'KAFKA_TOKEN_REFUSED', text: /\(status 403\)/ },
  {
    name: 'a proxy without its server',
    status: 502,
    body: '<html>bad gateway</html>',
    code: 'KAFKA_TOKEN_UNAVAILABLE',
    text: /status 502;/,
  },
  { name: 'an end point that is busy', status: 429, body: '', code: 'KAFKA_TOKEN_UNAVAILABLE', text: /status 429/ },
  {
    name: 'an error that passes',
    status: 400,
    body: { error: 'temporarily_unavailable' },
    code: 'KAFKA_TOKEN_UNAVAILABLE',
    text: /status 400, temporarily_unavailable/,
  },
  {
    name: 'a page in the place of a token',
    status: 200,
    body: '<html></html>',
    code: 'KAFKA_TOKEN_UNAVAILABLE',
    text: /without an access_token/,
  },
  { name: 'an answer that is null', status: 200, body: 'null', code: 'KAFKA_TOKEN_UNAVAILABLE', text: /without an access_token/ },
] as const)
  test(`${name} is ${code}`, async () => {
    send(status, body)
    const fault = await faultOf(fetchOauthToken(settings()))
    assert.equal(fault.code, code)
    assert.match(fault.message, text)
  })

test('an end point that is silent, or falls silent in its answer, is given up after the time', async () => {
  for (const begin of [false, true]) {
    answer = (_request, response) => {
      if (begin) response.writeHead(200, { 'content-length': 100 }).write('{"access_token":')
    }
    const startMs = performance.now()
    const fault = await faultOf(fetchOauthToken(settings(), 200))
    assert.equal(fault.code, 'KAFKA_TOKEN_UNAVAILABLE')
    assert.ok(performance.now() - startMs < 2000)
  }
})

test('an end point that is not there is said to be so', async () => {
  const fault = await faultOf(fetchOauthToken(settings({ oauthTokenUrl: 'http://127.0.0.1:1/token' })))
  assert.equal(fault.code, 'KAFKA_TOKEN_UNAVAILABLE')
  assert.match(fault.message, /ECONNREFUSED|bad port/)
})
