/** Logins of `oauthbearer`, on a broker of its own that takes unsecured JSON web tokens, with an endpoint that gives them out. */
import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { checkConfig } from '../../config/config.ts'
import { FlowError } from '../../runtime/errors.ts'
import { createKafka } from '../../runtime/kafka/client.ts'
import { Cluster } from '../../runtime/kafka/cluster.ts'
import { createLog } from '../../runtime/log.ts'
import { ChildService } from '../../stack/child-service.ts'
import { findJava } from '../../stack/java.ts'
import { kafkaService, kafkaTls } from '../../stack/kafka-service.ts'
import { defaultPackagesDir } from '../../stack/local-stack.ts'
import { installPackages } from '../../stack/packages.ts'
import { freePorts, type Ports } from '../../stack/ports.ts'
import { flowloom } from '../support/processes/command-line.ts'

const dir = mkdtempSync(join(tmpdir(), 'flowloom-oauth-'))
const folder = join(dir, 'kafka')
let ports: Ports
let broker: ChildService

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token without a signature, as the broker takes it where nothing else is configured. */
const tokenOf = (client: string, endS: number): string => `${part({ alg: 'none' })}.${part({ sub: client, iat: endS - 3600, exp: endS })}.`

/** Knows the clients `good` and `late`, whose tokens have expired; `busy` gets no answer that counts. */
const tokens = createServer((request, response) => {
  const [client, secret] = Buffer.from(request.headers.authorization!.replace('Basic ', ''), 'base64').toString().split(':')
  const nowS = Math.floor(Date.now() / 1000)
  if (client === 'busy') response.writeHead(503).end('<html>busy</html>')
  else if (secret !== 'right') response.writeHead(401).end(JSON.stringify({ error: 'invalid_client' }))
  else response.end(JSON.stringify({ access_token: tokenOf(client!, client === 'late' ? nowS - 3600 : nowS + 3600) }))
})

before(async () => {
  ports = await freePorts()
  const [java, packages] = await Promise.all([findJava(), installPackages(defaultPackagesDir, () => undefined)])
  for (const name of ['logs', 'run', 'kafka']) mkdirSync(join(dir, name))
  const service = kafkaService({ java, packages, ports, folder, tls: true })
  const prepare = async (): ReturnType<typeof service.prepare> => {
    const launch = await service.prepare()
    // the last of two lines for a property counts
    appendFileSync(
      join(folder, 'server.properties'),
      'sasl.enabled.mechanisms=SCRAM-SHA-512,OAUTHBEARER\n' +
        'listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;\n',
    )
    return launch
  }
  broker = new ChildService({ ...service, prepare }, { logs: join(dir, 'logs'), run: join(dir, 'run') }, () => undefined)
  process.once('exit', () => broker.signal('SIGKILL'))
  await broker.start()
  await new Promise<void>(resolve => tokens.listen(0, '127.0.0.1', resolve))
})
after(async () => {
  tokens.close()
  tokens.closeAllConnections()
  await broker.stop()
  rmSync(dir, { recursive: true, force: true })
})

const login = (client: string, secret = 'right'): Record<string, unknown> => ({
  brokers: [`localhost:${ports.kafkaTls}`],
  tls: true,
  tlsCaFile: kafkaTls(folder).caFile,
  saslMechanism: 'oauthbearer',
  oauthTokenUrl: `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`,
  oauthClientId: client,
  oauthClientSecret: secret,
})

test('a client with its secret gets a token, logs in and writes', { timeout: 60_000 }, async () => {
  const settings = checkConfig({ kafka: login('good') }).kafka
  const cluster = new Cluster(settings, createLog('error'))
  const admin = await cluster.admin()
  await admin.createTopics({ topics: [{ topic: 'written', numPartitions: 1 }] })
  const producer = createKafka(settings, 'oauth-test', createLog('error')).producer()
  await producer.connect()
  await producer.send({ topic: 'written', messages: [{ value: 'x' }] })
  assert.equal((await admin.fetchTopicOffsets('written'))[0]!.high, '1')
  await producer.disconnect()
  await cluster.close()
})

for (const { name, client, secret, code, text } of [
  { name: 'a token that the broker refuses', client: 'late', code: 'KAFKA_LOGIN', text: /refuse the login .*invalid_token.*oauthbearer/ },
  { name: 'a wrong secret', client: 'good', secret: 'wrong', code: 'KAFKA_TOKEN_REFUSED', text: /status 401, invalid_client/ },
  { name: 'an end point that gives none', client: 'busy', code: 'KAFKA_TOKEN_UNAVAILABLE', text: /gives no token: status 503;/ },
])
  test(`${name} is ${code}`, { timeout: 60_000 }, async () => {
    const cluster = new Cluster(checkConfig({ kafka: login(client, secret) }).kafka, createLog('silent'))
    await assert.rejects(cluster.admin(), (error: unknown) => {
      assert.ok(error instanceof FlowError, String(error))
      assert.equal(error.code, code)
      assert.match(error.message, text)
      return true
    })
    await cluster.close()
  })

test('run gives up on a wrong client secret instead of asking for ever', { timeout: 60_000 }, async () => {
  const kafka = login('good', 'wrong-secret')
  const { code, err, ms } = await flowloom(['run', '--roles', 'enrich'], {
    FLOWLOOM_KAFKA_BROKERS: String(kafka['brokers']),
    FLOWLOOM_KAFKA_TLS: 'true',
    FLOWLOOM_KAFKA_TLS_CA_FILE: String(kafka['tlsCaFile']),
    FLOWLOOM_KAFKA_SASL_MECHANISM: 'oauthbearer',
    FLOWLOOM_KAFKA_OAUTH_TOKEN_URL: String(kafka['oauthTokenUrl']),
    FLOWLOOM_KAFKA_OAUTH_CLIENT_ID: 'good',
    FLOWLOOM_KAFKA_OAUTH_CLIENT_SECRET: 'wrong-secret',
    FLOWLOOM_LOG_LEVEL: 'error',
  })
  assert.equal(code, 1, err)
  assert.match(err, /^flowloom: the token endpoint .* refuses the login/m)
  assert.ok(!err.includes('wrong-secret'), err)
  assert.ok(ms < 20_000, `${ms.toFixed(0)} ms`)
})
