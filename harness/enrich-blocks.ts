/** Runs enrich's pure parts over text, without Kafka: for unit, golden and property tests. */
import { BlockEnricher, type BlockResult } from '../processors/enrich/block-enricher.ts'
import { Slabs } from '../processors/enrich/encode/slabs.ts'
import type { OwnNetwork } from '../processors/enrich/own-networks.ts'
import { noLookups, type LookupSet } from '../processors/enrich/lookups/lookup-set.ts'
import { rowsOf } from '../processors/enrich/rows-of.ts'
import { SightingCollector, type Sighting } from '../processors/enrich/sightings.ts'
import { countedSchemaIds, createCodecs } from '../runtime/avro.ts'
import type { FlowKeyRecord, FlowRecord } from '../schemas/flow-record.ts'
import { decodeSlab } from './memory-slabs.ts'

/** Codecs with counted ids. */
export const codecs = createCodecs(countedSchemaIds())
/** An object id. */
export const objectId = Buffer.from('00112233445566ff', 'hex')

/** What the key of the object of a block says. */
export interface BlockOrigin {
  readonly accountId: string | null
  readonly region: string | null
  readonly slotStart: number | null
  /** What the source of the object names. */
  readonly source?: { readonly accountId: string | null; readonly region: string | null; readonly scope: string | null }
}

/** Everything that became of a block. */
export interface EnrichedBlock extends BlockResult {
  readonly rows: FlowRecord[]
  readonly encoded: { partition: number; keyBytes: Buffer; key: FlowKeyRecord; value: FlowRecord }[]
  readonly sightings: Sighting[]
}

/** One process that enriches block after block. */
export class TestEnricher {
  readonly enricher: BlockEnricher
  readonly tables: LookupSet
  readonly partitions: number

  constructor(options: { tables?: LookupSet; partitions?: number; dictionaryEntries?: number; networks?: readonly OwnNetwork[] } = {}) {
    this.tables = options.tables ?? noLookups
    this.partitions = options.partitions ?? 3
    this.enricher = new BlockEnricher(options.dictionaryEntries ?? 1000, codecs.flows.ids, options.networks)
  }

  run(
    header: string | null,
    text: string | Uint8Array,
    options: { firstLine?: number; origin?: BlockOrigin; lastModifiedS?: number } = {},
  ): EnrichedBlock {
    const origin = options.origin ?? { accountId: null, region: null, slotStart: null }
    const slabs = new Slabs(this.partitions)
    const sightings = new SightingCollector()
    const block = {
      object: { bucket: 'b', key: 'k' },
      objectName: { ...origin, flowLogId: null },
      bytes: typeof text === 'string' ? Buffer.from(text) : text,
      header,
      etag: 'etag',
      objectId,
      firstLine: options.firstLine ?? 2,
      ...(origin.source === undefined ? {} : { source: origin.source }),
      ...(options.lastModifiedS === undefined ? {} : { lastModifiedS: options.lastModifiedS }),
    }
    const result = this.enricher.enrich(block, this.tables, slabs, sightings)
    const rows = result.flows === 0 ? [] : rowsOf(this.enricher.batch, this.tables, objectId)
    const encoded = slabs.takeAll().flatMap(slab =>
      decodeSlab(slab.out).map(({ key, value }) => ({
        partition: slab.partition,
        keyBytes: key!,
        key: codecs.flows.decodeKey(key!),
        value: codecs.flows.decodeValue(value!),
      })),
    )
    return { ...result, rows, encoded, sightings: sightings.take() }
  }
}

/** A decoded value as plain data: avsc gives objects of classes of its own. */
export const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
