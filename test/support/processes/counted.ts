/** Reads the counters of this process. */
import { registry } from '../../../runtime/metrics.ts'

/** Sum of a counter over all labels that fit. */
export async function counted(name: string, labels: Record<string, string> = {}): Promise<number> {
  const metric = await registry.getSingleMetric(name)!.get()
  return metric.values
    .filter(entry => Object.entries(labels).every(([label, value]) => (entry.labels as Record<string, unknown>)[label] === value))
    .reduce((sum, { value }) => sum + value, 0)
}
