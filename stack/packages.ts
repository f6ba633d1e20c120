import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { claimPidFile } from './process-mark.ts'
import { runTool } from './run-tool.ts'
import { StackError } from './stack-error.ts'

/** The Java packages of the stack, installed. */
export interface Packages {
  /** Class path of the broker: every jar, sorted, because class archives are tied to the order. */
  kafkaClassPath: string
  /** The application archive of the registry. */
  registryJar: string
  /** Where class archives are kept. */
  archiveFolder: string
}

const pom = join(import.meta.dirname, 'pom.xml')

/** Versions of the Java packages, as `stack/pom.xml` pins them: `kafka`, `log4j`, `registry`. */
export function pinnedVersions(): Record<string, string> {
  const text = readFileSync(pom, 'utf8')
  return Object.fromEntries([...text.matchAll(/<(\w+)\.version>([^<]+)<\/\1\.version>/g)].map(found => [found[1] ?? '', found[2] ?? '']))
}

/** True if the packages of the pinned versions are installed in this folder. */
export function isInstalled(folder: string): boolean {
  const marker = join(folder, 'java', 'installed.json')
  return existsSync(marker) && readFileSync(marker, 'utf8') === JSON.stringify(pinnedVersions())
}

/**
 * Installs the broker and the registry with Maven, once: later calls only look at the marker. An interrupted install leaves nothing
 * that a later one takes for whole, and two at once wait for each other.
 *
 * @param folder Folder of the packages, about 300 MB.
 * @param log Told what happens.
 * @param signal Ends an install that is under way.
 * @throws StackError INSTALL_FAILED.
 */
export async function installPackages(folder: string, log: (text: string) => void, signal?: AbortSignal): Promise<Packages> {
  if (!isInstalled(folder)) {
    mkdirSync(folder, { recursive: true })
    const lock = join(folder, 'install.pid')
    const holder = claimPidFile(lock)
    if (holder !== undefined) {
      log(`waiting for process ${holder.pid}, which installs the packages`)
      while (claimPidFile(lock) !== undefined) await sleep(500, undefined, signal === undefined ? {} : { signal })
    }
    try {
      if (!isInstalled(folder)) await install(folder, log, signal)
    } finally {
      rmSync(lock, { force: true })
    }
  }
  return locate(folder)
}

async function install(folder: string, log: (text: string) => void, signal?: AbortSignal): Promise<void> {
  const versions = pinnedVersions()
  log(`fetching Kafka ${versions['kafka'] ?? ''} and the registry ${versions['registry'] ?? ''} with Maven, once (about 190 MB)`)
  const target = join(folder, 'java.new')
  rmSync(target, { recursive: true, force: true })
  mkdirSync(target)
  await runTool('mvn', ['-B', '-ntp', '-f', pom, 'process-resources', `-Dtarget=${target}`], signal === undefined ? {} : { signal }).catch(
    (cause: unknown) => {
      throw new StackError('INSTALL_FAILED', { detail: cause instanceof Error ? cause.message : String(cause) }, { cause })
    },
  )
  writeFileSync(join(target, 'installed.json'), JSON.stringify(versions))
  rmSync(join(folder, 'java'), { recursive: true, force: true })
  renameSync(target, join(folder, 'java'))
}

function locate(folder: string): Packages {
  const java = join(folder, 'java')
  const jars = (name: string): string[] =>
    readdirSync(join(java, name))
      .filter(file => file.endsWith('.jar'))
      .sort()
      .map(file => join(java, name, file))
  const runner = jars('registry').find(file => file.endsWith('-runner.jar'))
  if (runner === undefined) throw new StackError('INSTALL_FAILED', { detail: `${java} has no registry; remove the folder` })
  return { kafkaClassPath: jars('kafka').join(':'), registryJar: runner, archiveFolder: join(java, 'archives') }
}
