/** Logs: pino, one line of JSON each. Steady state is silent at info; warn means recovered; error means loss or that a person is needed. */
import { pino, type DestinationStream, type Logger } from 'pino'
import { withOwnDocs } from './own-files.ts'

/** A logger with bound fields. */
export type Log = Logger

/** Fields with the path of this installation in front of pages of the docs, as commands print it. */
const withPages = (fields: Record<string, unknown>, folder?: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? withOwnDocs(value, folder) : value]))

/**
 * Makes the logger of a process.
 *
 * @param level Minimum level that is written.
 * @param destination Where to: 2 is standard error, so that a command's own output stays clean; or a stream.
 * @param docsFolder The folder that has `docs/`; default that of this installation.
 */
export function createLog(level: string, destination: 1 | 2 | DestinationStream = 2, docsFolder?: string): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { log: fields => withPages(fields, docsFolder) },
    },
    typeof destination === 'number' ? pino.destination({ dest: destination, sync: true }) : destination,
  )
}
