/** What is allowed, and is often a slip: said by `check-config`, never refused. Each part says its own. */
import { s3Hints } from '../producers/s3/settings-hints.ts'
import { kafkaHints } from '../runtime/kafka/settings-hints.ts'
import { clickhouseHints } from '../sinks/clickhouse/settings-hints.ts'
import { checkConfig, type Config } from './config.ts'

/** Said if no file was read: what is in force is not what the person wrote. */
function fileHints({ s3 }: Config, file: string | undefined): string[] {
  if (file !== undefined) return []
  const { sources } = checkConfig({}).s3
  const isDefault = JSON.stringify(s3.sources) === JSON.stringify(sources)
  const buckets = isDefault ? `; s3.sources is the default bucket ${sources[0]!.bucket}` : ''
  return [`no settings file was read (name one with --config or FLOWLOOM_CONFIG)${buckets}`]
}

/**
 * Finds them all.
 *
 * @param file Where the settings came from; undefined: no file was read.
 */
export const hintsOf = (config: Config, nowMs: number, file: string | undefined): string[] => [
  ...fileHints(config, file),
  ...kafkaHints(config.kafka),
  ...clickhouseHints(config.clickhouse),
  ...s3Hints(config.s3, nowMs),
]
