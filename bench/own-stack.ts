/** A local stack of a benchmark, in a folder that is gone afterwards. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStack, type Stack } from '../stack/local-stack.ts'

/** Starts the services, gives them to `use`, and ends them again. */
export async function withOwnStack<T>(use: (stack: Stack) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'flowloom-bench-'))
  const stack = await startStack({ dataDir: dir, ports: 'free' })
  try {
    return await use(stack)
  } finally {
    await stack.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}
