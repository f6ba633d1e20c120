// A broker that is away is told in our own words, at once.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { untilAvailable } from '../../../operations/session.ts'
import type { Log } from '../../../runtime/log.ts'
import { reachBroker } from '../../../operations/reach-broker.ts'

const closed = async (): Promise<string> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return `127.0.0.1:${port}`
}

describe('brokers', () => {
  it('at which nobody listens are named, with the setting to check', async () => {
    const broker = await closed()
    await assert.rejects(reachBroker([broker]), {
      code: 'KAFKA_UNAVAILABLE',
      message: `no broker of ${broker} answers: nobody listens at ${broker}: check kafka.brokers`,
    })
  })

  it('whose name DNS does not know are told as that', async () => {
    await assert.rejects(reachBroker(['no-such-host.invalid:9092']), {
      code: 'KAFKA_UNAVAILABLE',
      message: 'no broker of no-such-host.invalid:9092 answers: DNS does not know the name no-such-host.invalid: check kafka.brokers',
    })
  })

  it('are there if one of them takes a connection', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    await reachBroker([await closed(), `127.0.0.1:${(server.address() as AddressInfo).port}`])
    server.close()
  })
})

describe('a start without a broker', () => {
  it('says so at once, and repeats it quietly', async () => {
    const broker = await closed()
    const stop = new AbortController()
    const said: string[] = []
    const write = (level: string) => (fields: { error: string }) => {
      said.push(`${level} ${fields.error}`)
      if (said.length === 3) stop.abort()
    }
    const log = { warn: write('warn'), debug: write('debug') } as unknown as Log
    await assert.rejects(untilAvailable(() => reachBroker([broker]), log, stop.signal, true))
    const text = `no broker of ${broker} answers: nobody listens at ${broker}: check kafka.brokers`
    assert.deepEqual(said, [`warn ${text}`, `debug ${text}`, `debug ${text}`])
  })
})
