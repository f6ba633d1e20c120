/** Endpoints that are probably those of another service: by a usual port, or because two settings name the same one. Pure. */
import { judged, judgedEach } from '../runtime/partial-settings.ts'
import type { Config } from './config.ts'

/** A host and port that a setting names. */
interface Endpoint {
  readonly setting: string
  readonly host: string
  readonly port: string
}

/** Usual ports of services that are neither a broker nor the schema registry. */
const others: Readonly<Record<string, string>> = {
  2181: 'ZooKeeper',
  8082: 'the REST proxy of Kafka',
  8083: 'Kafka Connect',
  8123: 'ClickHouse',
  9000: 'the native protocol of ClickHouse, or of S3 servers',
  9644: 'the admin API of Redpanda',
}
/** Of brokers, Amazon MSK's too. */
const brokerPorts = ['9092', '9094', '9096', '9098']
const registryPorts: Readonly<Record<string, string>> = { 80: 'HTTP', 8080: 'HTTP', 8081: 'a schema registry' }

/** One name for this machine, so that two ways to write it are the same endpoint. */
const hostOf = (host: string): string => (['localhost', '[::1]'].includes(host) ? '127.0.0.1' : host.toLowerCase())

function endpointOf(setting: string, url: string | undefined): Endpoint[] {
  const parsed = url === undefined ? null : URL.parse(url)
  if (parsed === null) return []
  return [
    { setting, host: hostOf(parsed.hostname), port: parsed.port === '' ? (parsed.protocol === 'https:' ? '443' : '80') : parsed.port },
  ]
}

function brokersOf({ kafka }: Config): Endpoint[] {
  return judgedEach(kafka.brokers, (broker, index) => {
    const at = broker.lastIndexOf(':')
    return [{ setting: `kafka.brokers[${index}]`, host: hostOf(broker.slice(0, at)), port: broker.slice(at + 1) }]
  })
}

/** Finds them all. */
export function endpointHints(config: Config): string[] {
  const all = (look: () => Endpoint[]): Endpoint[] => judged(look) ?? []
  const brokers = all(() => brokersOf(config))
  const registry = all(() => endpointOf('registry.url', config.registry.url))
  const rest = [
    ...all(() => endpointOf('clickhouse.url', config.clickhouse.url)),
    ...all(() => endpointOf('s3.endpoint', config.s3.endpoint)),
  ]
  const same = (one: Endpoint, of: readonly Endpoint[]): Endpoint | undefined =>
    of.find(({ host, port }) => host === one.host && port === one.port)
  const hintFor = (one: Endpoint, of: readonly Endpoint[], what: string, usual: string, meaning: string | undefined): string[] => {
    const twin = same(one, of)
    if (twin !== undefined) return [`${one.setting}: ${one.host}:${one.port} is ${twin.setting} too: one of the two is ${what}`]
    return meaning === undefined ? [] : [`${one.setting}: ${one.port} is the usual port of ${meaning}; ${usual}`]
  }
  return [
    ...brokers.flatMap(one =>
      hintFor(one, [...registry, ...rest], 'not a broker', 'that of brokers is 9092', registryPorts[one.port] ?? others[one.port]),
    ),
    ...registry.flatMap(one =>
      same(one, brokers) !== undefined
        ? []
        : hintFor(
            one,
            rest,
            'not the schema registry',
            'that of schema registries is 8081, or 8080',
            brokerPorts.includes(one.port) ? 'Kafka brokers' : others[one.port],
          ),
    ),
  ]
}
