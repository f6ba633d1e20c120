/** Compiles the files of one lookup table. */
import { stat } from 'node:fs/promises'
import type { TableFile } from './configured-tables.ts'
import { readAwsRanges } from './aws-ranges.ts'
import { LookupFault, type LineCount } from './lookup-fault.ts'
import { readersOf } from './attribute-readers.ts'
import { EntryPool, type AttributeColumns } from './entry-pool.ts'
import type { TableInfo, TableName } from './lookup-set.ts'
import { findMarker } from './mmdb-file.ts'
import { readMmdb } from './mmdb-ranges.ts'
import { RangeBuilder } from './range-builder.ts'
import type { RangeColumns } from './range-table.ts'
import { readLocations, readRangeText, type Locations } from './range-text.ts'
import { fileFault, readTableFile } from './table-file.ts'
import { readThreatList } from './threat-lists.ts'

/** A table as the thread that compiles it hands it over. */
export interface CompiledTable {
  readonly table: TableName
  readonly ranges: RangeColumns
  /** Values of the ranges are entries: places in the column of each attribute of the table. */
  readonly columns: AttributeColumns
  /** What the columns of attributes that are texts have places in. */
  readonly texts: readonly string[]
  readonly info: readonly TableInfo[]
}

/** What is wrong with one file, as a plain sentence. */
export interface FileFault {
  readonly path: string
  readonly detail: string
}

/** A table, or what is wrong with its files: one fault for each file that has one. */
export type Compilation = { readonly compiled: CompiledTable } | { readonly faults: readonly FileFault[] }

/** Largest text of a file, unpacked; JSON is parsed as a whole. */
const mostTextBytes: Readonly<Record<TableName, number>> = { country: 536_870_000, asn: 536_870_000, aws: 67_108_864, threat: 134_217_728 }

/** What is known of a file that was read. */
interface FileRead {
  readonly dateMs?: number
  readonly date?: string | undefined
  readonly count?: LineCount
}

/**
 * Reads and compiles all files of one table.
 *
 * @returns The table, or the faults of all its files. Throws for what is not a fault of a file.
 */
export async function compileTable(files: readonly TableFile[]): Promise<Compilation> {
  return new TableCompiler(files[0]!.table).run(files)
}

class TableCompiler {
  readonly #table: TableName
  readonly #entries: EntryPool
  readonly #builder = new RangeBuilder()
  readonly #locations: Locations = new Map()

  constructor(table: TableName) {
    this.#table = table
    this.#entries = new EntryPool(table)
  }

  async run(files: readonly TableFile[]): Promise<Compilation> {
    const faults: FileFault[] = []
    const info: TableInfo[] = []
    const attempt = async (path: string, action: () => void | Promise<void>): Promise<void> => {
      try {
        await action()
      } catch (error) {
        if (!(error instanceof LookupFault)) throw error
        faults.push({ path, detail: error.message })
      }
    }
    const others: { file: TableFile; bytes: Buffer }[] = []
    for (const file of files)
      await attempt(file.path, async () => {
        const bytes = await readTableFile(file.path)
        // networks may stand before the locations that they need
        const locations = this.#table === 'country' ? locationsIn(bytes) : undefined
        if (locations === undefined) others.push({ file, bytes })
        else for (const [id, values] of locations) this.#locations.set(id, values)
      })
    for (const { file, bytes } of others) await attempt(file.path, async () => void info.push(await this.#read(file, bytes)))
    if (faults.length === 0 && others.length === 0)
      faults.push({ path: files[0]!.path, detail: 'it holds locations; name the files of networks too, separated by a comma' })
    if (faults.length > 0) return { faults: files.flatMap(({ path }) => faults.find(fault => fault.path === path) ?? []) }
    return {
      compiled: {
        table: this.#table,
        ranges: this.#builder.build().columns,
        columns: this.#entries.columns(),
        texts: this.#entries.texts.texts,
        info,
      },
    }
  }

  async #read(file: TableFile, bytes: Buffer): Promise<TableInfo> {
    const before = this.#builder.size
    const { dateMs, date, count } = this.#readInto(file, bytes)
    const ranges = this.#builder.size - before
    if (ranges === 0) throw new LookupFault('there is no range in it')
    const modifiedMs = dateMs ?? (await modifiedMsOf(file.path))
    const { table, path, licence, attribution, dataDate } = file
    return {
      table,
      path,
      ranges,
      dataDate: dataDate ?? date ?? new Date(modifiedMs).toISOString(),
      licence,
      attribution,
      unreadableLines: count?.unreadable ?? 0,
      firstUnreadable: count?.first ?? null,
    }
  }

  /** @throws LookupFault if it is larger than tables of its kind are. */
  #textOf(bytes: Buffer): string {
    const most = mostTextBytes[this.#table]
    if (bytes.length > most) throw new LookupFault(`it has ${bytes.length} bytes of text; at most ${most} are read`)
    return bytes.toString('utf8')
  }

  #readInto(file: TableFile, bytes: Buffer): FileRead {
    const builder = this.#builder
    const entries = this.#entries
    const isMmdb = findMarker(bytes) >= 0
    if (!isMmdb && bytes.includes(0)) throw new LookupFault('it is neither text nor a whole MaxMind DB file')
    switch (file.table) {
      case 'country':
      case 'asn':
        if (isMmdb) return { dateMs: readMmdb(file.table, bytes, builder, entries) }
        return { count: readRangeText(file.table, this.#textOf(bytes), builder, entries, this.#locations) }
      case 'aws':
        return readAwsRanges(this.#textOf(bytes), builder, entries)
      case 'threat': {
        const name = file.list ?? file.path
        const entry = entries.idOf(readersOf('threat').map(({ list }) => list(name)))
        return { count: readThreatList(this.#textOf(bytes), builder, entry) }
      }
    }
  }
}

function locationsIn(bytes: Buffer): Locations | undefined {
  const head = bytes.toString('latin1', 0, 4096)
  return head.includes('geoname_id') && findMarker(bytes) < 0 ? readLocations(bytes.toString('utf8')) : undefined
}

async function modifiedMsOf(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    throw fileFault(error)
  }
}
