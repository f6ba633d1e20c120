/** What is shipped, its licences and its list of parts, from the lock file of today. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isCompatible, licenceFaults, licenceList, licenceOf } from '../../../build/licences.ts'
import { cycloneDx } from '../../../build/sbom.ts'
import { imagePackages, shippedPackages, type Lock, type ShippedPackage } from '../../../build/shipped-packages.ts'

const root = join(import.meta.dirname, '../../..')
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock
const shipped = shippedPackages(lock)

interface Component {
  readonly 'bom-ref': string
  readonly purl: string
  readonly hashes: readonly { content: string }[]
  readonly licenses: readonly object[]
}
interface Document {
  readonly specVersion: string
  readonly components: readonly Component[]
  readonly dependencies: readonly { ref: string; dependsOn: readonly string[] }[]
}

test('the licences of everything shipped go with Apache-2.0', () => {
  assert.ok(shipped.length > 50)
  assert.deepEqual(licenceFaults(shipped), [])
})

test('a package under a licence that does not fit, or under none, is refused with its name', () => {
  const planted = (licence: string | undefined): ShippedPackage => ({ ...shipped[0]!, name: 'planted', version: '1.0.0', licence })
  for (const licence of [
    'GPL-3.0-only',
    'AGPL-3.0',
    'SSPL-1.0',
    'BUSL-1.1',
    'UNLICENSED',
    'SEE LICENSE IN x',
    'CC-BY-4.0',
    'MIT AND GPL-2.0-only',
  ])
    assert.match(licenceFaults([planted(licence)]).join(), /^planted@1\.0\.0 is under/, licence)
  assert.match(licenceFaults([planted(undefined)]).join(), /^planted@1\.0\.0 states no licence/)
  for (const licence of ['MIT', '(MIT OR GPL-2.0-only)', 'Apache-2.0 AND BSD-3-Clause']) assert.ok(isCompatible(licence), licence)
  assert.ok(!isCompatible('(MIT OR ISC) AND GPL-2.0-only'))
})

test('what is shipped is what npm installs without development packages, and the tables of the image', () => {
  // npm marks itself what is there for development alone; the workspace that brings Node is marked otherwise
  const brought = Object.keys(JSON.parse(readFileSync(join(root, 'development-node/package.json'), 'utf8')).optionalDependencies as object)
  const isNode = (path: string): boolean => path.includes('development-node') || brought.some(name => path === `node_modules/${name}`)
  const theirs = Object.entries(lock.packages as Record<string, { dev?: boolean }>)
    .filter(([path, { dev }]) => path !== '' && dev !== true && !isNode(path))
    .map(([path]) => path)
  assert.deepEqual(
    shippedPackages(lock, []).map(({ path }) => path),
    theirs.toSorted(),
  )
  const paths = shipped.map(({ path }) => path)
  for (const name of imagePackages) assert.ok(paths.includes(`node_modules/${name}`))
})

test('the list of parts names each package once, with hash and licence, and every reference leads somewhere', () => {
  const text = cycloneDx(lock, shipped)
  assert.equal(text, cycloneDx(lock, shippedPackages(lock)), 'the same lock file gives the same bytes')
  const { specVersion, components, dependencies } = JSON.parse(text) as Document
  assert.equal(specVersion, '1.6')
  const refs = components.map(component => component['bom-ref'])
  assert.equal(new Set(refs).size, refs.length)
  for (const { purl, hashes, licenses } of components) {
    assert.equal(licenses.length, 1, purl)
    assert.match(hashes[0]!.content, /^[0-9a-f]{128}$/, purl)
  }
  assert.deepEqual(dependencies.map(({ ref }) => ref).toSorted(), [...refs, `pkg:npm/flowloom@${lock.version}`].toSorted())
  for (const { dependsOn } of dependencies) for (const ref of dependsOn) assert.ok(refs.includes(ref), ref)
})

test('the list of licences names every package', () => {
  const list = licenceList('flowloom', shipped)
  for (const one of shipped) assert.ok(list.includes(`| \`${one.name}@${one.version}\` | ${licenceOf(one)!} |`), one.name)
})

test('a package that the lock file lacks is a fault', () => {
  const packages = { ...lock.packages }
  delete (packages as Record<string, unknown>)['node_modules/avsc']
  assert.throws(() => shippedPackages({ ...lock, packages }), /needs avsc, which package-lock\.json does not have/)
})
