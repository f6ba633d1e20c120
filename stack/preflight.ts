import { statfs } from 'node:fs/promises'
import { findJava } from './java.ts'
import type { Java } from './java.ts'
import { makeFolder } from './make-folder.ts'
import { isInstalled } from './packages.ts'
import { findPortsInUse } from './ports.ts'
import type { Ports } from './ports.ts'
import { runTool } from './run-tool.ts'
import { joinErrors, StackError } from './stack-error.ts'

/** What is checked before the stack starts. */
export interface PreflightOptions {
  dataDir: string
  packagesDir: string
  ports: Ports
  /** The ports that will be listened on. */
  portNames: readonly (keyof Ports)[]
  minFreeBytes: number
}

const bytesPerGiB = 1024 ** 3

/**
 * Checks that the stack can start on this machine.
 *
 * @returns The Java to use.
 * @throws StackError with one line for each thing that is missing: NODE_TOO_OLD, PACKAGE_MISSING, JAVA_MISSING, JAVA_TOO_OLD,
 *   MAVEN_MISSING and MAVEN_FAILED (only while the Java packages are not installed), PORT_IN_USE, DISK_FULL. Its code is that of the first.
 */
export async function preflight(options: PreflightOptions): Promise<Java> {
  const found = await Promise.all([
    checkMaven(options.packagesDir),
    findPortsInUse(options.ports, options.portNames),
    checkDisk(options.dataDir, options.minFreeBytes),
  ])
  const java = await findJava().catch((error: unknown) => {
    if (error instanceof StackError) return error
    throw error
  })
  const [first, ...more] = [
    ...checkNode(process.versions.node),
    ...checkPackages(['fauxqs', 'chdb']),
    ...found.flat(),
    ...(java instanceof StackError ? [java] : []),
  ]
  if (first !== undefined) throw joinErrors([first, ...more])
  return java as Java
}

/** Checks a version of Node: 22.18 is the first that runs TypeScript without a flag. */
export function checkNode(version: string): StackError[] {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 18) ? [] : [new StackError('NODE_TOO_OLD', { found: version })]
}

/** Checks that npm packages can be found. */
export function checkPackages(names: readonly string[]): StackError[] {
  return names.filter(name => !canResolve(name)).map(name => new StackError('PACKAGE_MISSING', { name }))
}

/** Checks the free space of the file system that a folder is on. */
export async function checkDisk(folder: string, minFreeBytes: number): Promise<StackError[]> {
  makeFolder(folder)
  const { bavail, bsize } = await statfs(folder)
  const gib = (bytes: number): string => (bytes / bytesPerGiB).toFixed(1)
  return bavail * bsize >= minFreeBytes
    ? []
    : [new StackError('DISK_FULL', { folder, freeGiB: gib(bavail * bsize), needGiB: gib(minFreeBytes) })]
}

/** Checks that Maven starts, where the Java packages are still to be fetched. */
export async function checkMaven(packagesDir: string): Promise<StackError[]> {
  if (isInstalled(packagesDir)) return []
  return runTool('mvn', ['-version']).then(
    () => [],
    (cause: unknown) => [
      isNoSuchProgram(cause)
        ? new StackError('MAVEN_MISSING', {}, { cause })
        : new StackError('MAVEN_FAILED', { detail: (cause as Error).message }, { cause }),
    ],
  )
}

const isNoSuchProgram = (error: unknown): boolean => ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'

function canResolve(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}
