/**
 * Prometheus metrics of the process. A part declares its metrics at the top of its shell; docs/reference/metrics.md is generated from here.
 * Names are `flowloom_<part>_<noun>_<unit>_total`; label values come from closed unions.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Every metric of this process. */
export const registry = new Registry()

/** Declares a counter. */
export const counter = <L extends string = never>(name: string, help: string, labels: readonly L[] = []): Counter<L> =>
  new Counter<L>({ name, help, labelNames: [...labels], registers: [registry] })

/** Declares a gauge. */
export const gauge = <L extends string = never>(name: string, help: string, labels: readonly L[] = []): Gauge<L> =>
  new Gauge<L>({ name, help, labelNames: [...labels], registers: [registry] })

/** Declares a histogram in seconds. */
export const histogram = <L extends string = never>(
  name: string,
  help: string,
  labels: readonly L[] = [],
  buckets: number[] = [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
): Histogram<L> => new Histogram<L>({ name, help, labelNames: [...labels], buckets, registers: [registry] })
