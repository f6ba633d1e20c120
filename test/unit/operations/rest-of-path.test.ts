import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { it } from 'node:test'
import { checkConfig } from '../../../config/config.ts'
import { askOrSay } from '../../../operations/rest-of-path.ts'

it('a command that asks Kafka does not wait without a word if nobody listens at the brokers', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const broker = `127.0.0.1:${(server.address() as AddressInfo).port}`
  server.close()
  await once(server, 'close')
  const config = checkConfig({ kafka: { brokers: [broker] } })
  const startMs = performance.now()
  const said = await askOrSay({ config, noKafka: false }, () => Promise.reject(new Error('asked all the same')))
  assert.deepEqual(said, { unknown: `no broker of ${broker} answers: nobody listens at ${broker}: check kafka.brokers` })
  assert.ok(performance.now() - startMs < 3000)
})
