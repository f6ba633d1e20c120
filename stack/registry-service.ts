import { join } from 'node:path'
import type { Service } from './child-service.ts'
import { httpAnswers } from './http-answers.ts'
import { quickJvmFlags, useClassArchive } from './java.ts'
import type { Java } from './java.ts'
import type { Packages } from './packages.ts'

/** Base URL of the API that speaks like Confluent's registry. */
export const registryUrl = (port: number): string => `http://127.0.0.1:${port}/apis/ccompat/v7`

/** The schema registry (Apicurio) as a service, with its schemas in an H2 file. */
export function registryService(options: { java: Java; packages: Packages; port: number; folder: string }): Service {
  const { java, packages, port, folder } = options
  return {
    name: 'registry',
    answers: httpAnswers(`${registryUrl(port)}/subjects`),
    prepare: async () => {
      const archive = useClassArchive(java, packages.archiveFolder, 'registry')
      const settings = {
        'quarkus.http.host': '127.0.0.1',
        'quarkus.http.port': String(port),
        // H2 writes up to 500 ms after the commit, unless told otherwise: a SIGKILL would lose what was acknowledged.
        'quarkus.datasource.jdbc.url': `jdbc:h2:file:${join(folder, 'db')};WRITE_DELAY=0`,
        'quarkus.datasource.jdbc.initial-size': '1',
        'quarkus.datasource.jdbc.min-size': '1',
        'quarkus.log.level': 'WARN',
      }
      const defines = Object.entries(settings).map(([name, value]) => `-D${name}=${value}`)
      return {
        command: java.java,
        args: ['-Xms64m', '-Xmx256m', ...quickJvmFlags, ...archive.flags, ...defines, '-jar', packages.registryJar],
        stopTimeoutMs: archive.writes ? 30_000 : 10_000,
        onEnd: archive.finish,
      }
    },
  }
}
