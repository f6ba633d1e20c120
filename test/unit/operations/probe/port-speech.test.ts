/** What the probe says of a port that does not answer as the settings say. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { after, test } from 'node:test'
import { brokerAdvice, speechOf, urlAdvice, type Speech } from '../../../../operations/probe/port-speech.ts'
import { probeRegistry } from '../../../../operations/probe/probe-services.ts'

const servers: Server[] = []
after(() => servers.forEach(server => server.close()))
async function listen(server: Server): Promise<number> {
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

/** Kafka reads the first four bytes as a length, and closes the connection where it is too large. */
const broker = (): Server => createServer(socket => socket.on('error', () => undefined).once('data', () => socket.destroy()))
const native = (): Server =>
  createServer(socket =>
    socket
      .on('error', () => undefined)
      .once('data', data =>
        socket.end(data[0] === 71 ? 'HTTP/1.0 400 Bad Request\r\n\r\nPort 9000 is for clickhouse-client program\r\n' : ''),
      ),
  )

const ports: { name: string; server: () => Server; expect: Speech }[] = [
  { name: 'HTTP', server: () => createHttpServer((_request, response) => void response.end('Ok.\n')), expect: 'http' },
  // without a certificate it answers with an alert, which is TLS too
  { name: 'TLS', server: () => createTlsServer({}).on('tlsClientError', () => undefined), expect: 'tls' },
  { name: 'a broker without TLS', server: broker, expect: 'other' },
  { name: 'the native port of ClickHouse', server: native, expect: 'native' },
]
for (const { name, server, expect } of ports)
  test(`a port is asked what it speaks: ${name}`, async () => {
    assert.equal(await speechOf('127.0.0.1', await listen(server())), expect)
  })

test('a port where nobody listens is closed', async () => {
  const server = broker()
  const port = await listen(server)
  await new Promise(resolve => server.close(resolve))
  assert.equal(await speechOf('127.0.0.1', port), 'closed')
})

test('a host that DNS does not know is no closed port', async () => {
  assert.equal(await speechOf('no-such-host.invalid', 9092), 'nameless')
})

const advices: { name: string; advice: string | undefined; expect: RegExp | undefined }[] = [
  {
    name: 'kafka.tls against a plain port',
    advice: brokerAdvice('other', 'a:9092', true),
    expect: /a:9092 does not speak TLS: set kafka\.tls: false/,
  },
  {
    name: 'a plain client against a TLS port',
    advice: brokerAdvice('tls', 'a:9093', false),
    expect: /a:9093 speaks TLS: set kafka\.tls: true/,
  },
  {
    name: 'a broker with an unknown name',
    advice: brokerAdvice('nameless', 'kafka:9092', false),
    expect: /^DNS does not know the name kafka: check kafka\.brokers$/,
  },
  {
    name: 'a service with an unknown name',
    advice: urlAdvice('nameless', 'registry.url', 'http://registry:8081'),
    expect: /^DNS does not know the name registry: check registry\.url$/,
  },
  { name: 'a broker as set', advice: brokerAdvice('other', 'a:9092', false), expect: undefined },
  { name: 'a broker with TLS as set', advice: brokerAdvice('tls', 'a:9093', true), expect: undefined },
  {
    name: 'a port of HTTP among the brokers',
    advice: brokerAdvice('http', 'a:8081', false),
    expect: /a:8081 is not a broker, it speaks HTTP/,
  },
  {
    name: 'https against plain HTTP',
    advice: urlAdvice('http', 'registry.url', 'https://r:8081/x'),
    expect: /r:8081 does not speak TLS: write http:\/\/ in registry\.url/,
  },
  {
    name: 'http against TLS',
    advice: urlAdvice('tls', 'clickhouse.url', 'http://db:8443'),
    expect: /db:8443 speaks TLS: write https:\/\//,
  },
  {
    name: 'the native port',
    advice: urlAdvice('native', 'clickhouse.url', 'http://db:9000'),
    expect: /db:9000 is the native port: write the HTTP port \(usually 8123, with TLS 8443\)/,
  },
  {
    name: 'a port of something else',
    advice: urlAdvice('other', 'clickhouse.url', 'http://db:39092'),
    expect: /db:39092 does not speak HTTP/,
  },
]
for (const { name, advice, expect } of advices)
  test(`the probe names the setting to change: ${name}`, () => {
    if (expect === undefined) assert.equal(advice, undefined)
    else assert.match(advice ?? '', expect)
  })

test('a registry URL without /apis/ccompat/v7 is told from one with a wrong path', async () => {
  const apicurio = createHttpServer((request, response) => {
    response.statusCode = request.url === '/apis/ccompat/v7/subjects' ? 200 : 404
    response.end('[]')
  })
  const url = `http://127.0.0.1:${await listen(apicurio)}`
  const result = await probeRegistry({ url })
  assert.equal(result.result, 'missing')
  assert.ok(result.detail.includes(`it is Apicurio: write registry.url: ${url}/apis/ccompat/v7`), result.detail)
  assert.ok((await probeRegistry({ url: `${url}/apis` })).detail.includes(`write registry.url: ${url}/apis/ccompat/v7`))
  assert.equal((await probeRegistry({ url: `${url}/apis/ccompat/v7/` })).result, 'ok')
  const other = `http://127.0.0.1:${await listen(createHttpServer((_request, response) => void response.writeHead(404).end()))}`
  assert.match((await probeRegistry({ url: other })).detail, /status 404; check the path in registry\.url/)
})
