/** Benchmarks: flow batches to Kafka records, and the whole way from lines to records with the lookup tables loaded. */
import { annotateAddresses, annotateServices } from '../processors/enrich/annotate.ts'
import { BlockEnricher } from '../processors/enrich/block-enricher.ts'
import { resolveDirections } from '../processors/enrich/direction.ts'
import { FlowEncoder } from '../processors/enrich/encode/flow-encoder.ts'
import { Slabs } from '../processors/enrich/encode/slabs.ts'
import type { LookupSet } from '../processors/enrich/lookups/lookup-set.ts'
import { loadLookups } from '../processors/enrich/lookups/lookup-tables.ts'
import { FlowBatch } from '../flow/flow-batch.ts'
import { Parsers } from '../processors/enrich/parsers.ts'
import { SightingCollector } from '../processors/enrich/sightings.ts'
import { resolveTimes } from '../processors/enrich/times.ts'
import { countedSchemaIds } from '../runtime/avro.ts'
import { createLog } from '../runtime/log.ts'
import { generateRows } from './enrich-input.ts'
import { measure, type BenchResult } from './enrich-measure.ts'

const partitions = 12
const objectId = Buffer.from('0123456789abcdef', 'hex')

/** The default tables, as in production. */
export const benchTables = (): Promise<LookupSet> =>
  loadLookups({ threats: [], reloadMs: 0, dictionaryEntries: 200_000 }, createLog('silent'))

/** Measures the encoder alone: one batch of a block, encoded again and again. Target 1.5 M rows per CPU-second. */
export function benchEncode(tables: LookupSet, rows = 400_000): BenchResult {
  const input = generateRows(rows)
  const parsers = new Parsers(200_000)
  const parser = parsers.parserOf(input.header, { accountId: null, region: null })!
  const batches = input.blocks.map(block => {
    const batch = new FlowBatch()
    parser.parse(block, 2, batch)
    resolveTimes(batch, null)
    resolveDirections(batch)
    annotateAddresses(parsers.addresses.current, tables)
    annotateServices(batch)
    return batch
  })
  const encoder = new FlowEncoder(countedSchemaIds().flows)
  const slabs = new Slabs(partitions)
  return measure('encode', rows, () => {
    let bytes = 0
    const drop = (all: ReturnType<Slabs['takeAll']>): void => {
      for (const slab of all) {
        bytes += slab.length
        slabs.release(slab)
      }
    }
    for (const batch of batches) {
      encoder.encode(batch, tables, objectId, slabs)
      drop(slabs.takeFull())
    }
    drop(slabs.takeAll())
    return bytes
  })
}

/** Measures everything that enrich does with a block but Kafka. Target 0.8 M rows per CPU-second. */
export function benchEnrich(tables: LookupSet, rows = 400_000): BenchResult {
  const input = generateRows(rows)
  const enricher = new BlockEnricher(200_000, countedSchemaIds().flows)
  const slabs = new Slabs(partitions)
  const sightings = new SightingCollector()
  const object = { bucket: 'b', key: 'k' }
  const objectName = { accountId: null, region: null, flowLogId: null, slotStart: null }
  return measure('parse + annotate + encode + sightings', rows, () => {
    let bytes = 0
    let firstLine = 2
    const drop = (all: ReturnType<Slabs['takeAll']>): void => {
      for (const slab of all) {
        bytes += slab.length
        slabs.release(slab)
      }
    }
    for (const block of input.blocks) {
      firstLine += enricher.enrich(
        { object, objectName, bytes: block, header: input.header, etag: '', objectId, firstLine },
        tables,
        slabs,
        sightings,
      ).lines
      drop(slabs.takeFull())
    }
    drop(slabs.takeAll())
    sightings.take()
    return bytes
  })
}

if (import.meta.main) {
  const tables = await benchTables()
  console.log(benchEncode(tables), benchEnrich(tables))
}
