/** The services of docker-compose.yml as containers: the same images, settings and health checks, on ports of their own. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StartedNetwork, StartedTestContainer } from 'testcontainers'
import { parse } from 'yaml'
import type { StackEndpoints } from '../../../stack/local-stack.ts'
import { freePorts } from '../../../stack/ports.ts'
import { root } from './command-line.ts'

/** Running containers. */
export interface Containers {
  readonly endpoints: StackEndpoints
  stop(): Promise<void>
}

interface ComposeService {
  readonly image: string
  readonly environment: Readonly<Record<string, string>>
  readonly healthcheck: { readonly test: ['CMD-SHELL', string] | ['CMD', ...string[]]; readonly retries: number }
}

/** Name of a service, and its port in the container. */
const servicePorts = { kafka: 9092, registry: 8080, s3: 9090, clickhouse: 8123 } as const
type ServiceName = keyof typeof servicePorts

/**
 * Starts the four services.
 *
 * @throws Error if there is no container engine, or it cannot start one of them.
 */
export async function startContainers(): Promise<Containers> {
  const { GenericContainer, Network, Wait, getContainerRuntimeClient } = await import('testcontainers')
  await getContainerRuntimeClient()
  const { services } = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Record<ServiceName, ComposeService>
  }
  // clients are sent to the advertised port, so that of Kafka is chosen beforehand
  const { kafka: kafkaPort } = await freePorts()
  const started: StartedTestContainer[] = []
  let network: StartedNetwork | undefined
  const stop = async (): Promise<void> => {
    for (const container of started.reverse()) await container.stop()
    await network?.stop()
  }
  const start = async (name: ServiceName, environment: Readonly<Record<string, string>> = {}): Promise<number> => {
    const { image, environment: own, healthcheck } = services[name]
    const port = name === 'kafka' ? { container: servicePorts.kafka, host: kafkaPort } : servicePorts[name]
    const container = await new GenericContainer(image)
      .withNetwork(network!)
      .withNetworkAliases(name)
      .withEnvironment({ ...own, ...environment })
      .withExposedPorts(port)
      .withHealthCheck({ test: healthcheck.test, interval: 2000, timeout: 10_000, retries: healthcheck.retries })
      .withWaitStrategy(Wait.forHealthCheck())
      .withStartupTimeout(180_000)
      .start()
    started.push(container)
    return container.getMappedPort(servicePorts[name])
  }
  try {
    network = await new Network().start()
    const advertised = services.kafka.environment['KAFKA_ADVERTISED_LISTENERS']!.replace(/HOST:\/\/[^,]+/, `HOST://127.0.0.1:${kafkaPort}`)
    await start('kafka', { KAFKA_ADVERTISED_LISTENERS: advertised })
    const [registry, s3, clickhouse] = [await start('registry'), await start('s3'), await start('clickhouse')]
    const endpoints = {
      kafkaBrokers: [`127.0.0.1:${kafkaPort}`],
      registryUrl: `http://127.0.0.1:${registry}/apis/ccompat/v7`,
      s3Endpoint: `http://127.0.0.1:${s3}`,
      sqsQueueUrl: '',
      clickhouseUrl: `http://127.0.0.1:${clickhouse}`,
    }
    return { endpoints, stop }
  } catch (error) {
    await stop().catch(() => undefined)
    throw error
  }
}
