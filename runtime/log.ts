/** Logs: pino, one line of JSON each. Steady state is silent at info; warn means recovered; error means loss or that a person is needed. */
import { pino, type Logger } from 'pino'

/** A logger with bound fields. */
export type Log = Logger

/**
 * Makes the logger of a process.
 *
 * @param level Minimum level that is written.
 * @param destination Where to: 2 is standard error, so that a command's own output stays clean.
 */
export function createLog(level: string, destination: 1 | 2 = 2): Log {
  return pino(
    { level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: destination, sync: true }),
  )
}
