/** The thread that compiles one lookup table, and moves its columns to the thread that asked. */
import { parentPort, workerData } from 'node:worker_threads'
import { compileTable } from './compile-table.ts'
import type { TableFile } from './configured-tables.ts'

const compilation = await compileTable(workerData as readonly TableFile[])
const moved =
  'compiled' in compilation
    ? [compilation.compiled.asnNumbers, compilation.compiled.asnOrgs, ...Object.values(compilation.compiled.ranges)].flatMap(column =>
        ArrayBuffer.isView(column) ? [column.buffer as ArrayBuffer] : [],
      )
    : []
parentPort!.postMessage(compilation, moved)
