import { execFile } from 'node:child_process'
import { StackError } from './stack-error.ts'

/** What a program printed. */
export interface ToolOutput {
  stdout: string
  stderr: string
}

/**
 * Runs a program to its end, or until the signal, which ends it.
 *
 * @throws StackError TOOL_FAILED with the last lines of what it printed; its cause has `code` ENOENT where there is no such program.
 */
export function runTool(tool: string, args: readonly string[], options: { signal?: AbortSignal } = {}): Promise<ToolOutput> {
  return new Promise((resolve, reject) => {
    execFile(tool, args, { ...options, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) {
        resolve({ stdout, stderr })
        return
      }
      const outcome = error.signal ?? `exit code ${String(error.code)}`
      reject(new StackError('TOOL_FAILED', { tool, outcome, detail: lastLines(`${stdout}\n${stderr}`) }, { cause: error }))
    })
  })
}

/** The last lines of a text that are not empty, 20 by default. */
export const lastLines = (text: string, count = 20): string =>
  text
    .split('\n')
    .filter(line => line.trim() !== '')
    .slice(-count)
    .join('\n')
