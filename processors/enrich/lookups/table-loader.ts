/** Compiles lookup tables on a thread of their own, so that heartbeats go on, with limits of memory and time. */
import { Worker } from 'node:worker_threads'
import { orAborted } from '../../../runtime/abort.ts'
import { errorText } from '../../../runtime/errors.ts'
import { ownScript } from '../../../runtime/own-files.ts'
import type { Compilation } from './compile-table.ts'
import type { TableFiles } from './configured-tables.ts'

/** Bounds of the thread. */
export interface LoadLimits {
  /** Heap of JavaScript. Columns and the bytes of files are outside of it, and bounded by the size of the files. */
  readonly heapMb: number
  readonly timeMs: number
}

/** See `LoadLimits`. The default tables take 120 MB and 2 s. */
export const loadLimits: LoadLimits = { heapMb: 1024, timeMs: 300_000 }
/** The time limit is counted in turns of the event loop, so that a process that was held up itself blames no file. */
const ticks = 20

/**
 * Compiles one table.
 *
 * @param options.isBackground The process may end before it is done.
 * @param options.signal Ends the thread.
 * @returns The table, or what is wrong with its files; a thread that breaks a limit is a fault of all of them.
 * @throws The reason of the signal.
 */
export async function loadTable(
  { files }: TableFiles,
  { limits = loadLimits, isBackground = false, signal }: { limits?: LoadLimits; isBackground?: boolean; signal?: AbortSignal } = {},
): Promise<Compilation> {
  signal?.throwIfAborted()
  const worker = new Worker(ownScript('./table-worker.ts', import.meta.url), {
    name: 'lookups',
    execArgv: [],
    workerData: files,
    resourceLimits: { maxOldGenerationSizeMb: limits.heapMb },
  })
  if (isBackground) worker.unref()
  let quiet = 0
  let clock: NodeJS.Timeout | undefined
  try {
    const compiled = new Promise<Compilation>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', code => reject(new Error(`the thread that reads it ended with code ${code}`)))
      clock = setInterval(() => {
        if (++quiet >= ticks) reject(new Error(`it was not read within ${limits.timeMs} ms`))
      }, limits.timeMs / ticks)
      if (isBackground) clock.unref()
    })
    return await (signal === undefined ? compiled : orAborted(compiled, signal))
  } catch (error) {
    signal?.throwIfAborted()
    const isMemory = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY'
    const detail = isMemory ? `reading it takes more than ${limits.heapMb} MB of memory` : errorText(error)
    return { faults: files.map(({ path }) => ({ path, detail })) }
  } finally {
    clearInterval(clock)
    await worker.terminate()
  }
}
