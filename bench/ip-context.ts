/**
 * Benchmark of the cloud map: sightings per CPU-second of the ip-context role without a broker, and the longest time that it held up the event
 * loop. Ordinary: many addresses, one owner each. Two formats: few addresses that were seen each minute for two days, by two flow logs of
 * which one names no instance.
 */
import { createIpContextRole } from '../processors/ip-context/ip-context-processor.ts'
import { checkConfig } from '../config/config.ts'
import { countedSchemaIds, createCodecs } from '../runtime/avro.ts'
import type { InRecord } from '../runtime/records.ts'
import type { Task } from '../runtime/task.ts'
import type { IpSighting, Owner } from '../schemas/records.ts'
import type { BenchResult } from './enrich-measure.ts'
import { taskContext } from './task-context.ts'

const start = 20_400 * 86_400
const codecs = createCodecs(countedSchemaIds())

const ownerOf = (n: number, withInstance: boolean): Owner => ({
  interfaceId: `eni-${n.toString(16).padStart(17, '0')}`,
  instanceId: withInstance ? `i-${n.toString(16).padStart(17, '0')}` : null,
  interfaceType: null,
  subnetId: `subnet-${(n >> 8).toString(16).padStart(17, '0')}`,
  vpcId: 'vpc-0123456789abcdef0',
  accountId: '123456789012',
  region: 'eu-central-1',
  azId: null,
  service: null,
})

/** The task of one partition, its input, and the time that it took. */
class Bench {
  readonly #task: Task
  #offset = 0
  #nowMs = (start + 30 * 86_400) * 1000

  constructor() {
    const { ipContext, kafka } = checkConfig({})
    this.#task = createIpContextRole({ ...ipContext, ...kafka }).createTask(taskContext(codecs, () => this.#nowMs))
    void this.#task.start?.({ offset: 0, metadata: '' })
  }

  record(n: number, withInstance: boolean, ranges: IpSighting['ranges']): InRecord {
    const key = codecs.ipSightings.encodeKey({ scope: 'vpc-0123456789abcdef0', ip: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}` })
    const value = codecs.ipSightings.encodeValue({ kind: 'own', owner: ownerOf(n, withInstance), ranges })
    return { offset: this.#offset++, timestampMs: this.#nowMs, key, value, headers: {} }
  }

  /** One transaction. */
  async transaction(records: readonly InRecord[]): Promise<void> {
    await this.#task.process({ records, slabs: [], nextOffset: this.#offset, lag: 0 })
    this.#nowMs += 1000
    await this.#task.tick?.()
  }
}

/** A result with the longest CPU time between two turns of the event loop. */
export interface MapResult extends BenchResult {
  readonly longestBlockMs: number
}

async function measure(name: string, count: number, work: () => Promise<void>): Promise<MapResult> {
  // CPU time, since other processes may have the machine; garbage collection counts on all its threads
  const cpuMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000
  let longestBlockMs = 0
  let turn = cpuMs()
  const before = turn
  const look = (): void => {
    const now = cpuMs()
    longestBlockMs = Math.max(longestBlockMs, now - turn)
    turn = now
  }
  const timer = setInterval(look, 1)
  await work()
  // a block that lasts until the end
  look()
  clearInterval(timer)
  return { name, rowsPerCpuSecond: (count / (turn - before)) * 1000, bytesPerRow: 0, longestBlockMs }
}

const minute = (from: number, i: number): { first: number; last: number } => ({ first: from + i * 60 + 5, last: from + i * 60 + 50 })

/** Many addresses, one owner each, in transactions of a minute. */
export async function benchOrdinaryMap(addresses = 10_000, minutes = 12): Promise<MapResult> {
  const bench = new Bench()
  const at = (i: number): InRecord[] => Array.from({ length: addresses }, (_, n) => bench.record(n, true, [minute(start, i)]))
  for (let i = 0; i < 3; i++) await bench.transaction(at(i))
  const batches = Array.from({ length: minutes }, (_, i) => at(i + 3))
  return measure(`ip-context: ${addresses} addresses, one owner each`, addresses * minutes, async () => {
    for (const batch of batches) await bench.transaction(batch)
  })
}

/** Few addresses with two days of minutes behind them, in two formats. */
export async function benchTwoFormats(minutes = 60, addresses = 50): Promise<MapResult> {
  const bench = new Bench()
  const history = Array.from({ length: 2880 }, (_, i) => minute(start, i))
  const gapped = history.filter((_, i) => i % 2 === 0)
  await bench.transaction(
    Array.from({ length: addresses }, (_, n) => [bench.record(n, true, history), bench.record(n, false, gapped)]).flat(),
  )
  const batches = Array.from({ length: minutes }, (_, i) =>
    Array.from({ length: addresses }, (_unused, n) => [
      bench.record(n, true, [minute(start, 2880 + i)]),
      bench.record(n, false, [minute(start, 2880 + i)]),
    ]).flat(),
  )
  return measure(`ip-context: ${addresses} addresses with 2 days of minutes, two formats`, 2 * addresses * minutes, async () => {
    for (const batch of batches) await bench.transaction(batch)
  })
}

if (import.meta.main) {
  const results = [await benchOrdinaryMap(), await benchTwoFormats(Number(process.argv[2] ?? 60))]
  for (const { name, rowsPerCpuSecond, longestBlockMs } of results)
    console.log(`${name.padEnd(70)}${Math.round(rowsPerCpuSecond)} sightings/CPU-s, longest block ${Math.round(longestBlockMs)} ms`)
}
