/** What is allowed, and is often a slip: said by `check-config`, never refused. Each part says its own. */
import { s3Hints } from '../producers/s3/settings-hints.ts'
import { kafkaHints } from '../runtime/kafka/settings-hints.ts'
import { clickhouseHints } from '../sinks/clickhouse/settings-hints.ts'
import type { Config } from './config.ts'

/** Finds them all. */
export const hintsOf = ({ kafka, clickhouse, s3 }: Config, nowMs: number): string[] => [
  ...kafkaHints(kafka),
  ...clickhouseHints(clickhouse),
  ...s3Hints(s3, nowMs),
]
