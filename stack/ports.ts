import { createServer } from 'node:net'
import { StackError } from './stack-error.ts'

/** TCP ports of the stack, all on 127.0.0.1. */
export interface Ports {
  kafka: number
  kafkaController: number
  kafkaTls: number
  registry: number
  s3: number
  clickhouse: number
}

/** What each port is for, its default, and how a user changes it. */
export const portTable = {
  kafka: { service: 'the Kafka broker', port: 9092, flag: '--kafka-port', env: 'STACK_KAFKA_PORT' },
  kafkaController: { service: 'the Kafka controller', port: 9093, flag: '--kafka-controller-port', env: 'STACK_KAFKA_CONTROLLER_PORT' },
  kafkaTls: { service: 'the Kafka broker with TLS', port: 9094, flag: '--kafka-tls-port', env: 'STACK_KAFKA_TLS_PORT' },
  registry: { service: 'the schema registry', port: 8081, flag: '--registry-port', env: 'STACK_REGISTRY_PORT' },
  s3: { service: 'S3 and SQS', port: 9000, flag: '--s3-port', env: 'STACK_S3_PORT' },
  clickhouse: { service: 'ClickHouse', port: 8123, flag: '--clickhouse-port', env: 'STACK_CLICKHOUSE_PORT' },
} as const satisfies Record<keyof Ports, { service: string; port: number; flag: string; env: string }>

/** The names of the ports, in the order of `portTable`. */
export const portNames = Object.keys(portTable) as (keyof Ports)[]

/** The default ports, with some of them replaced. */
export const fixedPorts = (chosen: Partial<Ports> = {}): Ports => ({
  ...(Object.fromEntries(portNames.map(name => [name, portTable[name].port])) as unknown as Ports),
  ...chosen,
})

/**
 * Ports that the environment names.
 *
 * @param env Such as `STACK_KAFKA_PORT=19092`.
 * @throws StackError USAGE for a value that is not a port.
 */
export function portsFromEnvironment(env: NodeJS.ProcessEnv): Partial<Ports> {
  const chosen: Partial<Ports> = {}
  for (const name of portNames) {
    const text = env[portTable[name].env]
    if (text !== undefined && text !== '') chosen[name] = parsePort(text, portTable[name].env)
  }
  return chosen
}

/** @throws StackError USAGE if the text is not a port. */
export function parsePort(text: string, source: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new StackError('USAGE', { detail: `"${text}" is not a port (${source})` })
  return port
}

/**
 * Picks free ports. They lie below the range from which the system gives ports to outgoing connections, so that a service that is
 * restarted later finds its port free.
 */
export async function freePorts(): Promise<Ports> {
  const taken = new Set<number>()
  const entries: [keyof Ports, number][] = []
  for (const name of portNames) {
    let port: number
    do port = 12_000 + Math.floor(Math.random() * 20_000)
    while (taken.has(port) || !(await isFree(port)))
    taken.add(port)
    entries.push([name, port])
  }
  return Object.fromEntries(entries) as unknown as Ports
}

/** Tells one error for each of the named ports that another program listens on. */
export async function findPortsInUse(ports: Ports, names: readonly (keyof Ports)[]): Promise<StackError[]> {
  const free = await Promise.all(names.map(name => isFree(ports[name])))
  return names
    .filter((_name, at) => free[at] !== true)
    .map(
      name =>
        new StackError('PORT_IN_USE', {
          port: ports[name],
          service: portTable[name].service,
          flag: portTable[name].flag,
          env: portTable[name].env,
        }),
    )
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
