/** `flowloom backfill`: reads the flow logs of past days. */
import { counted } from '../runtime/counted.ts'
import { backfill, type BackfillEvent } from '../operations/backfill/backfill.ts'
import type { BackfillRange } from '../operations/backfill/range-objects.ts'
import { openSession } from '../operations/session.ts'
import { accountsPrefix } from '../producers/s3/source-folder.ts'
import { bucketFault } from '../producers/s3/value-checks.ts'
import { FlowError } from '../runtime/errors.ts'
import { configOption, type Command, type CommandInput } from './arguments/command.ts'
import { parseTimeRange } from './arguments/times.ts'
import { backfillTexts, countText, fitted } from './print/backfill-progress.ts'
import { escapeLines, escapeText } from './print/escape-text.ts'

const usage = (detail: string): FlowError => new FlowError('USAGE', { detail, command: 'backfill' })

/**
 * Reads what is asked for.
 *
 * @throws FlowError USAGE.
 */
export function parseRange({ values, positionals }: Pick<CommandInput, 'values' | 'positionals'>, nowMs: number): BackfillRange {
  const [url, ...more] = positionals
  const match = /^[sS]3:\/\/([a-z0-9][a-z0-9.-]*)(?:\/(.*))?$/s.exec(url ?? '')
  if (match === null || more.length > 0) {
    const instead = more.length > 0 ? null : /write bucket: ([^,]+)(?:, prefix: ([^,]*))?/.exec(bucketFault(url ?? '') ?? '')
    const words = instead === null ? '' : `: write s3://${instead[1]!}${instead[2] === undefined ? '' : `/${instead[2]}`}`
    throw usage(`"${positionals.join(' ')}" is not one of s3://bucket or s3://bucket/prefix${words}`)
  }
  const { fromS, toS } = parseTimeRange(values, { command: 'backfill', nowS: nowMs / 1000 }, true)
  if (fromS === undefined) throw usage('--from is missing')
  const path = (match[2] ?? '').replace(/^\/+/, '')
  const at = /(?:^|\/)AWSLogs(?:\/|$)/.exec(path)
  const prefix = (at === null ? path : path.slice(0, at.index)).replace(/\/+$/, '')
  const start = accountsPrefix({ prefix })
  return {
    bucket: match[1]!,
    path,
    prefix,
    below: at === null || path.length < start.length ? start : path,
    fromMs: fromS * 1000,
    toMs: toS === undefined ? nowMs : toS * 1000,
  }
}

/** Says lines to a terminal, where progress is rewritten in place; else progress is a line every ten seconds. */
function speaker(): (text: string, progress?: boolean) => void {
  let open = false
  let saidMs = -Infinity
  return (text, progress = false) => {
    if (process.stdout.isTTY) {
      process.stdout.write(
        `${open ? '\r\x1b[K' : ''}${progress ? escapeText(fitted(text, process.stdout.columns || 80)) : `${escapeLines(text)}\n`}`,
      )
      open = progress
    } else if (!progress || performance.now() - saidMs > 10_000) {
      if (progress) saidMs = performance.now()
      console.log(text)
    }
  }
}

/** The command. */
export const backfillCommand: Command = {
  name: 'backfill',
  summary: 'read the flow logs of past days, beside live work',
  words: 's3://bucket[/prefix]',
  endsOnSignal: true,
  options: {
    config: configOption,
    from: { type: 'string', value: 'TIME', doc: 'first day (2026-11-24, UTC) or time (2026-11-24T10:00:00Z)' },
    to: { type: 'string', value: 'TIME', doc: 'last day, included, or time, not included; default now' },
    'dry-run': { type: 'boolean', doc: 'only say how many objects, bytes and requests these are' },
    'no-wait': { type: 'boolean', doc: 'announce everything at once and end, without following' },
    ahead: { type: 'string', value: 'COUNT', doc: 'objects announced and not yet read, at most; default 1000' },
  },
  details:
    'The prefix is that of a source, with or without AWSLogs/ and what follows it. startDate is ignored; accounts and regions of the source hold.\nObjects of a source with the layout firehose count by the hour of their folder, with the layout any by the time they were stored.\nTo resume, run the same command again; objects already read are skipped. Fetch must run to read the objects.',
  async run({ values, positionals, signal }) {
    const range = parseRange({ values, positionals }, Date.now())
    const ahead = Number((values['ahead'] as string | undefined) ?? 1000)
    if (!Number.isSafeInteger(ahead) || ahead < 1)
      throw usage(`--ahead ${String(values['ahead'])} is not a count: write a whole number, such as 1000`)
    const session = await openSession({ file: values['config'] as string | undefined }, signal)
    const say = speaker()
    const tell = (event: BackfillEvent): void => {
      for (const text of backfillTexts(event)) say(text, event.kind === 'listing' || event.kind === 'progress')
    }
    const dryRun = values['dry-run'] === true
    const noWait = values['no-wait'] === true
    try {
      const report = await backfill(session, range, { dryRun, noWait, ahead, tell }, signal)
      if (dryRun) say('nothing done')
      else say(`${counted(report.announced, 'object')} announced; ${countText(report.done)} of ${countText(report.objects)} are read`)
      if (report.unlisted > 0 || (!dryRun && !noWait && report.failed > 0))
        throw new FlowError('BACKFILL_INCOMPLETE', { failed: report.failed, unlisted: report.unlisted })
      return 0
    } catch (error) {
      if (!signal.aborted) throw error
      say('stopped; the same command goes on from here')
      return 130
    } finally {
      await session.cluster.close()
    }
  },
}
