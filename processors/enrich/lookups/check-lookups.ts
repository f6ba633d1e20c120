/** Reads the files of the lookup tables as enrich would, and says of each what is wrong with it. */
import type { LookupSettings } from './settings.ts'
import { configuredTables, type TableFile } from './configured-tables.ts'
import type { TableInfo } from './lookup-set.ts'
import { loadTable } from './table-loader.ts'

/** One file of a table, and what came of reading it. */
export interface CheckedFile {
  readonly file: TableFile
  /** One plain sentence; undefined if the file is good. */
  readonly fault: string | undefined
  /** What a good file gave; undefined also for files of locations, and for good files beside one that is not. */
  readonly info: TableInfo | undefined
}

/** Checks every file that the settings name, and those of the npm packages that are the default. */
export async function checkLookups(settings: LookupSettings): Promise<CheckedFile[]> {
  const checked: CheckedFile[] = []
  for (const source of configuredTables(settings)) {
    const result = await loadTable(source)
    const faults = 'faults' in result ? result.faults : []
    const infos = 'compiled' in result ? result.compiled.info : []
    for (const file of source.files)
      checked.push({
        file,
        fault: faults.find(({ path }) => path === file.path)?.detail,
        info: infos.find(({ path }) => path === file.path),
      })
  }
  return checked
}
