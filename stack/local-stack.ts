import { join, resolve } from 'node:path'
import { ChildService, serviceNames } from './child-service.ts'
import type { ServiceName } from './child-service.ts'
import { kafkaService, kafkaTls } from './kafka-service.ts'
import type { KafkaTls } from './kafka-tls.ts'
import { queueUrl } from './fauxqs-parts.ts'
import { clickhouseService, notificationQueue, s3Service } from './node-services.ts'
import { installPackages } from './packages.ts'
import { fixedPorts, freePorts, portNames } from './ports.ts'
import type { Ports } from './ports.ts'
import { preflight } from './preflight.ts'
import { registryService, registryUrl } from './registry-service.ts'
import { StackFolder } from './stack-folder.ts'

const flowloomDir = resolve(import.meta.dirname, '..', '.flowloom')
/** Default data folder of the stack. */
export const defaultDataDir = join(flowloomDir, 'stack')
/** Default folder of the Java packages, shared by all stacks. */
export const defaultPackagesDir = join(flowloomDir, 'packages')
const defaultMinFreeBytes = 3 * 1024 ** 3

/** How to start a stack. */
export interface StackOptions {
  /** Folder of data, logs and pid files; one stack at a time. Default `.flowloom/stack`. */
  dataDir?: string
  /** Folder of the Java packages. Default `.flowloom/packages`. */
  packagesDir?: string
  /** `'free'` picks free ports, for tests; otherwise the default ports with some replaced. */
  ports?: 'free' | Partial<Ports>
  /** Wipes all data of the folder first. */
  reset?: boolean
  /** Adds a Kafka listener with TLS and SCRAM-SHA-512. */
  tls?: boolean
  /** With `tls`: further logins, with the password of the first, that may do what ACLs allow and nothing else. Made with the data. */
  aclUsers?: readonly string[]
  /** Buckets that are made where they are missing. Default `flow-logs`. */
  buckets?: readonly string[]
  /** Told the progress, a line at a time. Default: nobody. */
  log?: (text: string) => void
  /** Least free space of the data folder's file system. Default 3 GiB. */
  minFreeBytes?: number
  /** On SIGINT, SIGTERM and SIGHUP stop the stack, then end this process. Default true; a process with its own order of ending says false. */
  handleSignals?: boolean
  /** Ends a start that is under way. */
  signal?: AbortSignal
}

/** Where the services of a stack listen; all on 127.0.0.1. */
export interface StackEndpoints {
  /** `host:port` of the plain listener. */
  kafkaBrokers: string[]
  /** `host:port` of the listener with TLS and SCRAM, where asked for. */
  kafkaTlsBrokers?: string[]
  /** Base URL of the Confluent-like API. */
  registryUrl: string
  /** Use it with path style, region us-east-1 and any credentials. */
  s3Endpoint: string
  /** Queue that gets a notification for each new object. */
  sqsQueueUrl: string
  clickhouseUrl: string
}

/** A running stack. */
export interface Stack {
  readonly endpoints: StackEndpoints
  readonly dataDir: string
  /** How to use `endpoints.kafkaTlsBrokers`. */
  readonly kafkaTls?: KafkaTls
  /** Process ids now; undefined for a service that does not run. */
  readonly pids: Record<ServiceName, number | undefined>
  /** Rejects when a service ends that nobody asked to end. */
  readonly failed: Promise<never>
  /** Ends all services in order. Their data stays. */
  stop(): Promise<void>
  /** Ends a service with SIGKILL, and returns when it is gone. */
  kill(service: ServiceName): Promise<void>
  /** Starts a service again on the same port and data, after ending it in order where it runs, and returns when it answers. */
  restart(service: ServiceName): Promise<void>
}

/**
 * Starts Kafka, the schema registry, S3 with SQS, and ClickHouse as processes on 127.0.0.1, all at once, and returns when each answers.
 * The first start fetches the Java packages. The services end with this process, unless it is killed with SIGKILL: then the next start
 * on the same folder ends them.
 *
 * @throws StackError: what `preflight` and `installPackages` find, STACK_RUNNING, DATA_INCOMPLETE, START_FAILED, START_TIMEOUT.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const log = options.log ?? (() => undefined)
  const folder = new StackFolder(resolve(options.dataDir ?? defaultDataDir))
  await folder.claim(log)
  try {
    return await start(folder, options, log)
  } catch (error) {
    folder.release()
    throw error
  }
}

async function start(folder: StackFolder, options: StackOptions, log: (text: string) => void): Promise<Stack> {
  const tls = options.tls ?? false
  const packagesDir = resolve(options.packagesDir ?? defaultPackagesDir)
  const ports = options.ports === 'free' ? await freePorts() : fixedPorts(options.ports)
  const java = await preflight({
    dataDir: folder.path,
    packagesDir,
    ports,
    portNames: portNames.filter(name => tls || name !== 'kafkaTls'),
    minFreeBytes: options.minFreeBytes ?? defaultMinFreeBytes,
  })
  const packages = await installPackages(packagesDir, log, options.signal)
  options.signal?.throwIfAborted()
  if (options.reset === true) folder.wipe()
  folder.open()

  const services = [
    kafkaService({ java, packages, ports, folder: folder.data('kafka'), tls, aclUsers: options.aclUsers }),
    registryService({ java, packages, port: ports.registry, folder: folder.data('registry') }),
    s3Service({ port: ports.s3, folder: folder.data('s3'), buckets: options.buckets ?? ['flow-logs'] }),
    clickhouseService({ port: ports.clickhouse, folder: folder.data('clickhouse') }),
  ]
  let fail!: (error: Error) => void
  const failed = new Promise<never>((_resolve, reject) => {
    fail = reject
  })
  failed.catch(() => undefined)
  const lost = (text: string): void => {
    log(text)
    fail(new Error(text))
  }
  const children = services.map(service => new ChildService(service, folder, lost))
  const endpoints = endpointsOf(ports, tls)
  const stack = new RunningStack(folder, endpoints, children, failed, options.handleSignals ?? true)
  const abort = (): void => void stack.stop()
  options.signal?.addEventListener('abort', abort)
  try {
    await stack.start(log)
    options.signal?.throwIfAborted()
  } catch (error) {
    await stack.stop()
    throw error
  } finally {
    options.signal?.removeEventListener('abort', abort)
  }
  folder.noteEndpoints(endpoints)
  return tls ? Object.assign(stack, { kafkaTls: kafkaTls(folder.data('kafka')) }) : stack
}

function endpointsOf(ports: Ports, tls: boolean): StackEndpoints {
  const s3Endpoint = `http://127.0.0.1:${ports.s3}`
  return {
    kafkaBrokers: [`127.0.0.1:${ports.kafka}`],
    ...(tls ? { kafkaTlsBrokers: [`localhost:${ports.kafkaTls}`] } : {}),
    registryUrl: registryUrl(ports.registry),
    s3Endpoint,
    sqsQueueUrl: queueUrl(s3Endpoint, notificationQueue),
    clickhouseUrl: `http://127.0.0.1:${ports.clickhouse}`,
  }
}

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const signalNumbers = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const

class RunningStack implements Stack {
  readonly endpoints: StackEndpoints
  readonly dataDir: string
  readonly failed: Promise<never>
  readonly #folder: StackFolder
  readonly #children: readonly ChildService[]
  #starts: Promise<unknown>[] = []
  #stopped: Promise<void> | undefined

  constructor(
    folder: StackFolder,
    endpoints: StackEndpoints,
    children: readonly ChildService[],
    failed: Promise<never>,
    handleSignals: boolean,
  ) {
    this.failed = failed
    this.#folder = folder
    this.dataDir = folder.path
    this.endpoints = endpoints
    this.#children = children
    // Children have their own process groups, so nothing but this ends them.
    process.once('exit', this.#onExit)
    if (handleSignals) for (const signal of endingSignals) process.on(signal, this.#onSignal)
  }

  get pids(): Record<ServiceName, number | undefined> {
    return Object.fromEntries(serviceNames.map(name => [name, this.#child(name).pid])) as Record<ServiceName, number | undefined>
  }

  /** Starts all at once; the first that fails is the error. */
  async start(log: (text: string) => void): Promise<void> {
    const begun = performance.now()
    this.#starts = this.#children.map(async child => {
      await child.start()
      if (child.pid !== undefined) log(`${child.name} answers after ${Math.round(performance.now() - begun)} ms (pid ${child.pid})`)
    })
    await Promise.all(this.#starts)
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#stop())
  }

  async kill(service: ServiceName): Promise<void> {
    await this.#child(service).kill()
  }

  async restart(service: ServiceName): Promise<void> {
    await this.#child(service).stop()
    await this.#child(service).start()
  }

  /** No service depends on another, so all end at once. */
  async #stop(): Promise<void> {
    await Promise.all(this.#children.map(child => child.stop()))
    await Promise.allSettled(this.#starts)
    process.off('exit', this.#onExit)
    for (const signal of endingSignals) process.off(signal, this.#onSignal)
    this.#folder.release()
  }

  readonly #onExit = (): void => {
    for (const child of this.#children) child.signal('SIGTERM')
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    void this.stop().finally(() => process.exit(128 + signalNumbers[signal as keyof typeof signalNumbers]))
  }

  #child(name: ServiceName): ChildService {
    const child = this.#children.find(each => each.name === name)
    if (child === undefined) throw new TypeError(`no service ${name}`)
    return child
  }
}
