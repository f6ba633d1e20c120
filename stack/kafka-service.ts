import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Service } from './child-service.ts'
import { quickJvmFlags, useClassArchive } from './java.ts'
import type { Java } from './java.ts'
import { kafkaAnswers } from './kafka-answers.ts'
import { kafkaProperties } from './kafka-properties.ts'
import { ensureCertificate, ensureLogin } from './kafka-tls.ts'
import type { KafkaTls } from './kafka-tls.ts'
import type { Packages } from './packages.ts'
import type { Ports } from './ports.ts'
import { runTool } from './run-tool.ts'

/** What the broker needs to start. */
export interface KafkaOptions {
  java: Java
  packages: Packages
  ports: Ports
  /** Folder of its data, login and certificate. */
  folder: string
  tls: boolean
  /** Further logins, with the password of the first, that may do what ACLs allow. Where there are any, the authorizer is on. */
  aclUsers?: readonly string[] | undefined
}

const jvmFlags = ['-Xms128m', '-Xmx512m', ...quickJvmFlags, `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`]

/** The Kafka broker as a service: one node that is broker and controller. */
export function kafkaService(options: KafkaOptions): Service {
  const { java, packages, ports, folder } = options
  const propertiesFile = join(folder, 'server.properties')
  return {
    name: 'kafka',
    answers: () => kafkaAnswers(ports.kafka),
    prepare: async () => {
      const login = ensureLogin(folder)
      const certificate = options.tls ? await ensureCertificate(java, join(folder, 'tls'), login.password) : undefined
      const superUser = options.aclUsers === undefined ? {} : { superUser: login.username }
      const tlsStore = certificate === undefined ? undefined : { ...certificate.store, ...superUser }
      writeFileSync(propertiesFile, kafkaProperties(ports, join(folder, 'logs'), tlsStore), { mode: 0o600 })
      const archive = useClassArchive(java, packages.archiveFolder, 'kafka')
      await formatOnce(options, propertiesFile)
      return {
        command: java.java,
        args: [...jvmFlags, ...archive.flags, '-cp', packages.kafkaClassPath, 'kafka.Kafka', propertiesFile],
        stopTimeoutMs: archive.writes ? 30_000 : 10_000,
        onEnd: archive.finish,
      }
    },
  }
}

/** How clients use the TLS listener; only where the broker runs with one. */
export const kafkaTls = (folder: string): KafkaTls => ({
  caFile: join(folder, 'tls', 'ca.pem'),
  mechanism: 'scram-sha-512',
  ...ensureLogin(folder),
})

/** Formats the data folder with the SCRAM login in it. The marker comes last, so an interrupted format is done again. */
async function formatOnce({ java, packages, folder, aclUsers = [] }: KafkaOptions, propertiesFile: string): Promise<void> {
  const marker = join(folder, 'formatted')
  if (existsSync(marker)) return
  rmSync(join(folder, 'logs'), { recursive: true, force: true })
  mkdirSync(join(folder, 'logs'), { recursive: true })
  const login = ensureLogin(folder)
  const scram = [login.username, ...aclUsers].flatMap(name => ['--add-scram', `SCRAM-SHA-512=[name=${name},password=${login.password}]`])
  // A cluster id must not start with a minus.
  const clusterId = `f${randomBytes(16).toString('base64url').slice(1)}`
  const tool = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', propertiesFile, ...scram]
  await runTool(java.java, [...jvmFlags, '-cp', packages.kafkaClassPath, ...tool])
  writeFileSync(marker, `${clusterId}\n`)
}
