import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { markProcess } from './process-mark.ts'
import { runTool } from './run-tool.ts'
import { StackError } from './stack-error.ts'

/** A Java installation. */
export interface Java {
  java: string
  keytool: string
  /** Everything that `java -version` prints: the key of class archives. */
  version: string
}

/** Flags for a small JVM that starts quickly. */
export const quickJvmFlags = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'] as const

/**
 * Finds Java: JAVA_HOME, else the PATH.
 *
 * @throws StackError JAVA_MISSING, JAVA_TOO_OLD (older than 17).
 */
export async function findJava(): Promise<Java> {
  const home = process.env['JAVA_HOME']
  const at = (name: string): string => (home === undefined || home === '' ? name : join(home, 'bin', name))
  const java = at('java')
  const version = await runTool(java, ['-version']).then(
    output => `${output.stderr}${output.stdout}`.trim(),
    (cause: unknown) => {
      throw new StackError('JAVA_MISSING', { command: java }, { cause })
    },
  )
  const found = /version "([^"]+)"/.exec(version)?.[1] ?? 'of unknown version'
  // Up to Java 8 the version starts with 1.
  if (!(Number.parseInt(found, 10) >= 17)) throw new StackError('JAVA_TOO_OLD', { found, command: java })
  return { java, keytool: at('keytool'), version }
}

let writers = 0

/** Use of a class archive (AppCDS) by one run of a JVM. */
export interface ClassArchive {
  flags: string[]
  /** True if this run writes the archive, which makes its end some seconds longer. */
  writes: boolean
  /** To call after the JVM ended; keeps the archive that a run which ended in order has written. */
  finish: (endedInOrder: boolean) => void
}

/**
 * Finds the class archive of an application, which halves the start of its JVM, or has this run write it.
 *
 * It is a cache beside the jars it was made from, by JVM version. The JVM itself checks it and ignores one that does not fit, and a
 * missing one is not a fault.
 *
 * @param folder Where archives are kept.
 * @param name Name of the application.
 */
export function useClassArchive(java: Java, folder: string, name: string): ClassArchive {
  const key = createHash('sha256').update(java.version).digest('hex').slice(0, 12)
  const archive = join(folder, `${name}-${key}.jsa`)
  if (existsSync(archive)) return { flags: [`-XX:SharedArchiveFile=${archive}`], writes: false, finish: () => undefined }
  mkdirSync(folder, { recursive: true })
  removeAbandoned(folder)
  const written = `${archive}.${process.pid}.${++writers}`
  const finish = (endedInOrder: boolean): void => {
    if (!existsSync(written)) return
    if (endedInOrder) renameSync(written, archive)
    else rmSync(written)
  }
  return { flags: [`-XX:ArchiveClassesAtExit=${written}`], writes: true, finish }
}

/** Removes archives of processes that are gone. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const writer = /\.jsa\.(\d+)\.\d+$/.exec(name)?.[1]
    if (writer !== undefined && markProcess(Number(writer)) === undefined) rmSync(join(folder, name), { force: true })
  }
}
