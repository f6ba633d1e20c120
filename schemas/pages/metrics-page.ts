/** docs/reference/metrics.md. */
import { registry } from '../../runtime/metrics.ts'
import { code, generatedMark, table } from './markdown.ts'

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Every metric that was declared when this is called: the caller imports the parts first. */
export function metricsPage(): string {
  const metrics = registry
    .getMetricsAsArray()
    .map(metric => metric as unknown as { name: string; help: string; type: string; labelNames?: readonly string[] })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  return [
    generatedMark('the metrics that the parts declare'),
    '# Metrics\n',
    'Served as Prometheus text at `/metrics` on `http.host` and `http.port`. Counters of records and rows move when their transaction is committed.\n',
    table(
      ['metric', 'type', 'labels', 'meaning'],
      metrics.map(metric => [code(metric.name), metric.type, (metric.labelNames ?? []).map(code).join(', '), sentence(metric.help)]),
    ),
  ].join('\n')
}
