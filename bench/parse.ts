/** Benchmark: lines to flow batches, dictionaries included. Target 1.5 M rows per CPU-second. */
import { FlowBatch } from '../flow/flow-batch.ts'
import { Parsers } from '../processors/enrich/parsers.ts'
import { generateRows } from './enrich-input.ts'
import { measure, type BenchResult } from './enrich-measure.ts'

/** Measures the parser with the columns in the order of AWS, or in alphabetical order. */
export function benchParse(rows = 400_000, order: 'aws' | 'alphabetical' = 'aws'): BenchResult {
  const input = generateRows(rows, order)
  const parser = new Parsers(200_000).parserOf(input.header, { accountId: null, region: null })!
  const batch = new FlowBatch()
  return measure(`parse (${order})`, rows, () => {
    let line = 2
    let bytes = 0
    for (const block of input.blocks) {
      parser.parse(block, line, batch)
      if (batch.faults.length > 0) throw new Error(batch.faults[0]!.detail)
      line += batch.lines
      bytes += block.length
    }
    return bytes
  })
}

if (import.meta.main) for (const order of ['aws', 'alphabetical'] as const) console.log(benchParse(400_000, order))
