/** What is allowed, and is often a slip: said by `check-config`, never refused. Each part says its own; what is refused is not looked at. */
import { s3Hints } from '../producers/s3/settings-hints.ts'
import { kafkaHints } from '../runtime/kafka/settings-hints.ts'
import { judged } from '../runtime/partial-settings.ts'
import { clickhouseHints } from '../sinks/clickhouse/settings-hints.ts'
import { checkConfig, type Config, type ReadSettings } from './config.ts'
import { endpointHints } from './endpoint-hints.ts'

/** Said if what is in force is not what the person wrote: no file, nothing in it, nothing of the sources. */
function fileHints({ file, isEmptyFile, isNamed }: Omit<ReadSettings, 'faults' | 'settings'>): string[] {
  const buckets = isNamed('s3', 'sources') ? '' : `s3.sources is the default bucket ${checkConfig({}).s3.sources[0]!.bucket}`
  const read =
    file === undefined
      ? 'no settings file was read (name one with --config or FLOWLOOM_CONFIG)'
      : isEmptyFile
        ? `no setting is in ${file}`
        : ''
  const words = [read, buckets].filter(text => text !== '').join('; ')
  return words === '' ? [] : [words]
}

/** Finds them all, beside faults too. */
export function hintsOf({ settings, ...from }: Omit<ReadSettings, 'faults'>, nowMs: number): string[] {
  const of = <Key extends keyof Config>(key: Key, look: (section: Config[Key]) => string[]): string[] =>
    judged(() => look(settings[key])) ?? []
  return [
    ...fileHints(from),
    ...endpointHints(settings),
    ...of('kafka', kafkaHints),
    ...of('clickhouse', clickhouseHints),
    ...of('s3', s3 => s3Hints(s3, nowMs)),
  ]
}
