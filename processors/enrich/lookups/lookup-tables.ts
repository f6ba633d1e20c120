/** Loads the lookup tables, and loads a table again when one of its files changes. */
import { stat } from 'node:fs/promises'
import type { LookupSettings } from './settings.ts'
import { whenAborted } from '../../../runtime/abort.ts'
import { FlowError } from '../../../runtime/errors.ts'
import type { Log } from '../../../runtime/log.ts'
import type { CompiledTable, FileFault } from './compile-table.ts'
import { configuredTables, type TableFiles } from './configured-tables.ts'
import { lookupSetOf, noLookups, type LookupSet, type TableName } from './lookup-set.ts'
import { loadTable } from './table-loader.ts'

const lookupError = (table: TableName, { path, detail }: FileFault): FlowError => new FlowError('LOOKUP_FILE', { table, path, detail })

/**
 * Loads all configured tables.
 *
 * @throws FlowError LOOKUP_FILE if a file cannot be read or is not of its kind.
 */
export async function loadLookups(settings: LookupSettings, log: Log): Promise<LookupSet> {
  const tables = new LookupTables(settings, log, { onChange: () => undefined })
  await tables.refresh(0)
  return tables.current
}

/** One table, and which state of its files was tried last. */
interface Slot {
  readonly source: TableFiles
  compiled: CompiledTable | undefined
  stamp: string
}

/** Who hears of the tables. */
export interface TablesObserver {
  /** After each load, before any of it is used: clear what was derived from the old tables. `loaded`: the tables that are new. */
  readonly onChange: (tables: LookupSet, loaded: readonly TableName[]) => void
  /** The changed files of a table were refused: the old table stays in force. */
  readonly onRefused?: (table: TableName) => void
}

/** The tables in force in this process, shared by its tasks. */
export class LookupTables {
  current: LookupSet = noLookups
  readonly #settings: LookupSettings
  readonly #log: Log
  readonly #observer: TablesObserver
  #slots: readonly Slot[] = []
  #isLoaded = false
  #loading: Promise<void> | undefined
  /** Callers that wait for the first load, and what ends it if none does any more. */
  #waiting = 0
  #first = new AbortController()
  #nextCheckMs = 0

  constructor(settings: LookupSettings, log: Log, observer: TablesObserver) {
    this.#settings = settings
    this.#log = log
    this.#observer = observer
  }

  /**
   * Loads the tables the first time, and looks every `reloadMs` whether a file has changed. Only the first load is waited for: a later one goes
   * on beside the work, and its tables are used when they are there.
   *
   * @param signal Ends the wait. A first load that nobody waits for any more is given up; the next call begins it anew.
   * @throws FlowError LOOKUP_FILE at the first load; a table that is refused later stays as it was, which is logged, until its files change again.
   */
  async refresh(nowMs: number, signal?: AbortSignal): Promise<void> {
    if (!this.#isLoaded) return this.#loadFirst(nowMs, signal)
    if (this.#loading !== undefined || this.#settings.reloadMs === 0 || nowMs < this.#nextCheckMs) return
    this.#nextCheckMs = nowMs + this.#settings.reloadMs
    this.#loading = this.#reload().finally(() => (this.#loading = undefined))
  }

  async #loadFirst(nowMs: number, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return
    if (this.#loading === undefined) {
      const loading = this.#start(nowMs, this.#first.signal).finally(() => {
        if (this.#loading === loading) this.#loading = undefined
      })
      loading.catch(() => undefined)
      this.#loading = loading
    }
    this.#waiting++
    try {
      await (signal === undefined ? this.#loading : Promise.race([this.#loading, whenAborted(signal)]))
    } finally {
      if (--this.#waiting === 0 && !this.#isLoaded) {
        this.#first.abort()
        this.#first = new AbortController()
        this.#loading = undefined
      }
    }
  }

  /** Waits for a load that is going on. */
  async settled(): Promise<void> {
    // a load in the background does not keep the process alive
    const alive = setInterval(() => undefined, 1000)
    await this.#loading?.finally(() => clearInterval(alive))
    clearInterval(alive)
  }

  async #start(nowMs: number, signal: AbortSignal): Promise<void> {
    const begunMs = performance.now()
    const slots: Slot[] = configuredTables(this.#settings, this.#log).map(source => ({ source, compiled: undefined, stamp: '' }))
    const tables = slots.map(({ source }) => source.table)
    if (slots.length > 0) this.#log.info({ tables }, 'lookup tables are being loaded; no line is read before')
    for (const slot of slots) {
      slot.stamp = await stampOf(slot.source)
      const result = await loadTable(slot.source, { signal })
      if ('faults' in result) throw lookupError(slot.source.table, result.faults[0]!)
      slot.compiled = result.compiled
    }
    this.#nextCheckMs = nowMs + this.#settings.reloadMs
    this.#slots = slots
    this.#isLoaded = true
    this.#use(slots)
    if (slots.length > 0) this.#log.info({ tables, tookMs: Math.round(performance.now() - begunMs) }, 'lookup tables are loaded')
  }

  /** Never throws: what goes wrong is logged. */
  async #reload(): Promise<void> {
    const changed: Slot[] = []
    for (const slot of this.#slots) {
      const { table } = slot.source
      const refused = (err: unknown): void => {
        this.#log.warn({ table, err }, 'lookup table was not loaded again; the old one stays')
        this.#observer.onRefused?.(table)
      }
      try {
        const stamp = await stampOf(slot.source)
        if (stamp === slot.stamp) continue
        // also for a table that will be refused: the same files would be refused again
        slot.stamp = stamp
        const result = await loadTable(slot.source, { isBackground: true })
        if ('compiled' in result) {
          slot.compiled = result.compiled
          changed.push(slot)
        } else for (const fault of result.faults) refused(lookupError(table, fault))
      } catch (error) {
        refused(error)
      }
    }
    if (changed.length > 0) this.#use(changed)
  }

  #use(changed: readonly Slot[]): void {
    this.current = lookupSetOf(this.#slots.flatMap(({ compiled }) => compiled ?? []))
    this.#observer.onChange(
      this.current,
      changed.map(({ source }) => source.table),
    )
    for (const { compiled } of changed)
      for (const { table, path, ranges, dataDate, unreadableLines: lines, firstUnreadable: first } of compiled!.info) {
        this.#log.info({ table, path, ranges, dataDate }, 'lookup table loaded')
        if (lines > 0) this.#log.warn({ table, path, lines, first }, 'lines of a lookup table could not be read and were left out')
      }
  }
}

/** Changes whenever one of the files does, also if it goes. */
async function stampOf({ files }: TableFiles): Promise<string> {
  const stamps = await Promise.all(
    files.map(async ({ path }) => {
      try {
        const { mtimeMs, size, ino } = await stat(path)
        return `${path} ${mtimeMs} ${size} ${ino}`
      } catch {
        return `${path} absent`
      }
    }),
  )
  return stamps.join('\n')
}
