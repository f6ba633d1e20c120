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
    'Served as Prometheus text at `/metrics` on `http.host` and `http.port`. Counters of records and rows move when their transaction is committed.\n',
    table(
      ['metric', 'type', 'labels', 'meaning'],
      metrics
        .toSorted((a, b) => (a.name < b.name ? -1 : 1))
        .map(metric => [code(metric.name), metric.type, (metric.labelNames ?? []).map(code).join(', '), sentence(metric.help)]),
    ),
  ].join('\n')
}
