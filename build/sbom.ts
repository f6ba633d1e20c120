/** The list of parts for machines: CycloneDX 1.6. The same lock file gives the same bytes. */
import { createHash } from 'node:crypto'
import { licenceOf } from './licences.ts'
import { imagePackages, type Lock, type ShippedPackage } from './shipped-packages.ts'

const isImageOnly = (name: string): boolean => (imagePackages as readonly string[]).includes(name)

/** Package URL: the scope is a namespace, and its `@` is escaped. */
const purlOf = (name: string, version: string): string => `pkg:npm/${name.replace('@', '%40')}@${version}`

function hashesOf(integrity: string | undefined): object[] {
  return (integrity ?? '')
    .split(' ')
    .filter(one => /^sha(256|384|512)-/.test(one))
    .map(one => ({
      alg: `SHA-${one.slice(3, 6)}`,
      content: Buffer.from(one.slice(7), 'base64').toString('hex'),
    }))
}

function licencesOf(one: ShippedPackage): object[] {
  const licence = licenceOf(one)
  if (licence === undefined) return []
  return [/ (OR|AND|WITH) /.test(licence) ? { expression: licence } : { license: { id: licence } }]
}

/** A number that is the same for the same text, in the form of a UUID (version 8, of our own making). */
function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

/** Makes the document. @param packages Of the same lock file. @returns JSON. */
export function cycloneDx(lock: Lock, packages: readonly ShippedPackage[]): string {
  // a package that stands at several places in one version is one component
  const refs = new Map(packages.map(({ path, name, version }) => [path, purlOf(name, version)]))
  const product = purlOf(lock.name, lock.version)
  const direct = Object.keys(lock.packages['']!.dependencies ?? {}).map(name => `node_modules/${name}`)
  const needs = new Map<string, Set<string>>([[product, new Set(direct.map(path => refs.get(path)!))]])
  const components = new Map<string, object>()
  for (const one of packages) {
    const ref = refs.get(one.path)!
    const before = needs.get(ref) ?? new Set()
    needs.set(ref, new Set([...before, ...one.needs.map(path => refs.get(path)!)]))
    const [scope, name] = one.name.startsWith('@') ? one.name.split('/') : [undefined, one.name]
    components.set(ref, {
      type: isImageOnly(one.name) ? 'data' : 'library',
      'bom-ref': ref,
      ...(scope === undefined ? {} : { group: scope }),
      name,
      version: one.version,
      scope: one.isOptional || isImageOnly(one.name) ? 'optional' : 'required',
      hashes: hashesOf(one.integrity),
      licenses: licencesOf(one),
      purl: ref,
      ...(isImageOnly(one.name) ? { properties: [{ name: 'flowloom:shipped-in', value: 'container image' }] } : {}),
    })
  }
  const body = {
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': product,
        name: lock.name,
        version: lock.version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
        purl: product,
      },
    },
    components: [...components.values()],
    dependencies: [...needs].map(([ref, on]) => ({ ref, dependsOn: [...on].sort() })),
  }
  const head = { bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuidOf(JSON.stringify(body))}` }
  return `${JSON.stringify({ ...head, ...body }, null, 2)}\n`
}
