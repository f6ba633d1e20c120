/** docs/reference/metrics.md. */
import { code, generatedMark, table } from './markdown.ts'

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** A metric as prom-client holds it. */
export interface DeclaredMetric {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly labelNames?: readonly string[]
}

/** Every metric by name. */
export function metricsPage(metrics: readonly DeclaredMetric[]): string {
  return [
    generatedMark('the metrics that the parts declare'),
    '# Metrics\n',
    'Served as Prometheus text at `/metrics` on `http.host` and `http.port`. Counters of what became of lines, objects and rows move when their transaction is committed; those of records received and sent (`flowloom_records_received_total`, `flowloom_records_sent_total`, `flowloom_bytes_sent_total`) and of work in general when it is done, so that what is repeated after a failure counts again.\n',
    table(
      ['metric', 'type', 'labels', 'meaning'],
      metrics
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map(metric => [code(metric.name), metric.type, (metric.labelNames ?? []).map(code).join(', '), sentence(metric.help)]),
    ),
  ].join('\n')
}
