/**
 * How the value of each attribute is read from the files of its lookup table. Each row of flow/attributes.ts needs one row here: the type demands
 * it, and so does the start. Two attributes of one table have two rows, so none has the value of the other.
 */
import { attributeRows, type AttributeName, type AttributeNamed, type AttributeValue, type LookupName } from '../../../flow/attributes.ts'
import { LookupFault } from './lookup-fault.ts'
import type { MmdbRecord } from './mmdb-values.ts'
import { asnAndOrg, asnOf, countryCodeOf, isNone } from './table-values.ts'

/** Reads an attribute of a table that is text or a MaxMind DB file. */
export interface TableReader<V extends string | number = string | number> {
  /** Names of its column in a header line, as `plainName` writes them, in the order in which they are looked for. */
  readonly header: readonly string[]
  /** The value of a field of its column: null if the maker says that there is none, undefined if it is not of its kind. */
  readonly field: (text: string) => V | null | undefined
  /** What a field holds: for the fault of a line that has something else. */
  readonly kind: string
  /** Its part of a field that it shares with another attribute. */
  readonly part?: (field: string) => string
  /** The value of a record of a MaxMind DB file, null for none. Throws LookupFault if what stands there is not of its kind. */
  readonly record: (record: MmdbRecord) => V | null
  /** `table`: a file that has it nowhere is of another kind. `range`: besides, a range without it says nothing, whatever else it has. */
  readonly needed?: 'table' | 'range'
}

/** Reads an attribute of a list of AWS ranges. */
export interface AwsReader<V extends string | number = string | number> {
  /** The value of an entry of `prefixes` or `ipv6_prefixes`, null for none. */
  readonly entry: (entry: Readonly<Record<string, unknown>>) => V | null
}

/** Reads an attribute of a threat list. */
export interface ListReader<V extends string | number = string | number> {
  /** The value of all ranges of a list, by its name. */
  readonly list: (name: string) => V | null
}

/** Readers by table. */
export interface Readers<V extends string | number = string | number> {
  readonly country: TableReader<V>
  readonly asn: TableReader<V>
  readonly aws: AwsReader<V>
  readonly threat: ListReader<V>
}

/** A value as text: whole numbers of 64 bits and more are not JSON. */
const shown = (value: unknown): string =>
  typeof value === 'bigint'
    ? String(value)
    : JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))

/**
 * Country code of a record: MaxMind's nested shape, or the flat one of ip-location-db and IPinfo. The country where a network is registered is
 * not the country where it is.
 *
 * @returns Two letters, null for none.
 * @throws LookupFault if what stands there is not two letters.
 */
function countryOfRecord(record: MmdbRecord): string | null {
  const country = record['country']
  const code =
    typeof country === 'object' && country !== null
      ? (country as MmdbRecord)['iso_code']
      : (record['country_code'] ?? record['country_iso_code'] ?? country)
  if (code === undefined || code === null) return null
  const known = typeof code === 'string' ? countryCodeOf(code) : undefined
  if (known === undefined) throw new LookupFault(`a record names the country ${shown(code)}, which is not a code of two letters`)
  return known === '' ? null : known
}

/**
 * AS number of a record, null for none.
 *
 * @throws LookupFault if what stands there is not an AS number.
 */
function asnOfRecord(record: MmdbRecord): number | null {
  const number = record['autonomous_system_number'] ?? record['asn']
  if (number === undefined || number === null) return null
  const isNumber = typeof number === 'string' || typeof number === 'number' || typeof number === 'bigint'
  const asn = isNumber ? asnOf(String(number)) : undefined
  if (asn === undefined) throw new LookupFault(`a record names the network ${shown(number)}, which is not an AS number`)
  return asn === 0 ? null : asn
}

function orgOfRecord(record: MmdbRecord): string | null {
  const org = record['autonomous_system_organization'] ?? record['as_name'] ?? record['organization'] ?? record['name']
  return typeof org === 'string' ? org : null
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** The row of each attribute. */
export const attributeReaders: { readonly [N in AttributeName]: Readers<AttributeValue<N>>[AttributeNamed<N>['lookup']] } = {
  Country: {
    header: ['country_code', 'country_iso_code', 'country_code2', 'iso_code', 'cc', 'country_short', 'country'],
    field: field => {
      const code = countryCodeOf(field)
      return code === '' ? null : code
    },
    kind: 'a country of two letters',
    record: countryOfRecord,
    needed: 'table',
  },
  Asn: {
    header: ['asn', 'autonomous_system_number', 'as_number', 'asnum', 'origin_asn', 'as'],
    field: field => {
      const asn = asnOf(field)
      return asn === 0 ? null : asn
    },
    kind: 'an AS number',
    part: field => asnAndOrg.exec(field)?.[1] ?? field,
    record: asnOfRecord,
    // makers write names such as `Not routed` beside AS 0
    needed: 'range',
  },
  AsOrg: {
    header: [
      'autonomous_system_organization',
      'as_name',
      'as_organization',
      'as_org',
      'asn_org',
      'as_description',
      'organization',
      'organisation',
      'org',
      'as',
      'name',
      'description',
    ],
    field: field => (isNone(field) ? null : field),
    kind: 'an organisation',
    part: field => asnAndOrg.exec(field)?.[2] ?? '',
    record: orgOfRecord,
  },
  Threat: { list: name => name },
  AwsService: { entry: ({ service }) => text(service) },
}

for (const { name, lookup } of attributeRows)
  if (!Object.hasOwn(attributeReaders, name))
    throw new TypeError(
      `the attribute ${name} has no reader: say in processors/enrich/lookups/attribute-readers.ts how the files of the table \`${lookup}\` say it`,
    )

/** Attributes of a table, in the order of the record. */
export const attributesOf = (lookup: LookupName): readonly AttributeName[] =>
  attributeRows.filter(row => row.lookup === lookup).map(({ name }) => name)

/** Readers of a table, in the order of `attributesOf`. */
export const readersOf = <L extends LookupName>(lookup: L): readonly Readers[L][] =>
  attributesOf(lookup).map(name => attributeReaders[name] as unknown as Readers[L])
