/**
 * What is known of one end of a flow beyond the log: one row per attribute. Both sides of a record have each of them; they are those of the
 * conversation's true end (packet address, else address). The one source for Avro schema, fragments, columns of the store, views and docs.
 */

/** Range tables that attributes are read from. */
export type LookupName = 'country' | 'asn' | 'aws' | 'threat'

/** One attribute of an address. */
export interface AddressAttribute {
  /** Name in the record behind the side: `Country` is `srcCountry` and `dstCountry`. */
  readonly name: string
  /** Avro type. */
  readonly type: 'string' | 'long'
  readonly doc: string
  /** Name in the table `flows` behind the side: `country` is `local_country` and `remote_country`. */
  readonly column: string
  /** Type of that column. Text: '' is absent; numbers: 0 is. */
  readonly stored: 'LowCardinality(String)' | 'UInt32'
  /** Bit of the column `absent` for a local side that has none, if '' or 0 is a value; the next bit is that of the remote side. */
  readonly absentBit?: number
  /** The same bit for a side whose value is not from the log (`attribute` of a trait). */
  readonly unloggedBit?: number
  /** The range table that has it. How the files of that table say it stands in processors/enrich/lookups/attribute-readers.ts: a row for each. */
  readonly lookup: LookupName
  /** What an address has that the table was asked for and does not list; else it has none. */
  readonly unlisted?: ''
  /** It says where the address range belongs, which does not matter of an interface's own address: views leave it out there. */
  readonly isOfRange?: true
  /** Comment of the column. */
  readonly comment?: string
}

const a = <const A extends AddressAttribute>(attribute: A): A => attribute

/** All attributes, in the order of the record. */
export const addressAttributes = [
  a({
    name: 'Country',
    type: 'string',
    doc: 'ISO 3166 alpha-2 country of the true end; null: private, unknown, or no table loaded',
    column: 'country',
    stored: 'LowCardinality(String)',
    lookup: 'country',
    isOfRange: true,
  }),
  a({
    name: 'Asn',
    type: 'long',
    doc: 'autonomous system number of the true end',
    column: 'asn',
    stored: 'UInt32',
    lookup: 'asn',
    isOfRange: true,
    comment: '0: none known',
  }),
  a({
    name: 'AsOrg',
    type: 'string',
    doc: 'organisation of the autonomous system',
    column: 'as_org',
    stored: 'LowCardinality(String)',
    lookup: 'asn',
    isOfRange: true,
  }),
  a({
    name: 'Threat',
    type: 'string',
    doc: 'threat list that names the true end; empty: checked and not listed; null: not checked',
    column: 'threat',
    stored: 'LowCardinality(String)',
    absentBit: 12,
    lookup: 'threat',
    unlisted: '',
  }),
  a({
    name: 'AwsService',
    type: 'string',
    doc: 'AWS service of the true end by the published AWS ranges; null: none, or no table loaded',
    column: 'service',
    stored: 'LowCardinality(String)',
    unloggedBit: 14,
    lookup: 'aws',
    comment: 'AWS service as logged, else by the published ranges',
  }),
] as const

/** Name of an attribute. */
export type AttributeName = (typeof addressAttributes)[number]['name']

/** The row of an attribute. */
export type AttributeNamed<N extends AttributeName> = Extract<(typeof addressAttributes)[number], { readonly name: N }>

/** What the value of an attribute is. */
export type AttributeValue<N extends AttributeName> = AttributeNamed<N>['type'] extends 'string' ? string : number

/** The attributes as plain rows, for loops. */
export const attributeRows: readonly (AddressAttribute & { readonly name: AttributeName })[] = addressAttributes

/** The range tables that some attribute needs, each once. */
export const attributeLookups: readonly LookupName[] = [...new Set(attributeRows.map(({ lookup }) => lookup))]

/** Place in `attributeLookups` of the table of each attribute. */
export const attributeSources: readonly number[] = attributeRows.map(({ lookup }) => attributeLookups.indexOf(lookup))

/** Sides of a record. */
export const recordSides = ['src', 'dst'] as const
