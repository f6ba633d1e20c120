/** What a log writes from now on, as objects instead of lines on standard error. */
import { pino } from 'pino'
import type { Log } from '../../../runtime/log.ts'

/** One line. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly msg: string
  readonly [field: string]: unknown
}

/** Takes the lines of a log and of children that it gets later. */
export function takeLog(log: Log, level: LogLine['level']): LogLine[] {
  const lines: LogLine[] = []
  const write = (text: string): void => {
    const line = JSON.parse(text) as { level: number; msg: string }
    lines.push({ ...line, level: pino.levels.labels[line.level] as LogLine['level'] })
  }
  Object.assign(log, { [pino.symbols.streamSym]: { write } })
  log.level = level
  return lines
}
