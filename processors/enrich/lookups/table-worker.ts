/** The thread that compiles one lookup table, and moves its columns to the thread that asked. */
import { parentPort, workerData } from 'node:worker_threads'
import { compileTable } from './compile-table.ts'
import type { TableFile } from './configured-tables.ts'

const compilation = await compileTable(workerData as readonly TableFile[])
const moved: ArrayBuffer[] = []
if ('compiled' in compilation) {
  const { columns, ranges } = compilation.compiled
  const { first4, last4, value4, first6, last6, value6 } = ranges
  for (const column of [...Object.values(columns), first4, last4, value4, first6, last6, value6]) moved.push(column.buffer as ArrayBuffer)
}
parentPort!.postMessage(compilation, moved)
