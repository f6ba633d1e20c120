/**
 * A log in which each row of the tables of flow/ has a value of its own, and where each must be found: written apart from the code that carries
 * them. What a text log cannot say (sensors, milliseconds) is in a batch that another decoder fills.
 */
import { AddressDictionary } from '../../../flow/address-dictionary.ts'
import { attributeLookups, attributeRows } from '../../../flow/attributes.ts'
import { flowFields, type FlowField } from '../../../flow/fields.ts'
import { FlowBatch } from '../../../flow/flow-batch.ts'
import { addressNames, numberNames, optionalNumbers, portNames } from '../../../flow/numbers.ts'
import { ObserverDictionary } from '../../../flow/observer-dictionary.ts'
import { noObserver, sensorFields, type SensorValues } from '../../../flow/observers.ts'
import { TraitsDictionary } from '../../../flow/traits-dictionary.ts'
import { noTraits } from '../../../flow/traits.ts'
import { ValueDictionary } from '../../../flow/value-dictionary.ts'
import { annotateServices } from '../../../processors/enrich/annotate.ts'
import { BlockEnricher } from '../../../processors/enrich/block-enricher.ts'
import { resolveDirections } from '../../../processors/enrich/direction.ts'
import { FlowEncoder } from '../../../processors/enrich/encode/flow-encoder.ts'
import { Slabs } from '../../../processors/enrich/encode/slabs.ts'
import { TextPool, type LookupSet } from '../../../processors/enrich/lookups/lookup-set.ts'
import { RangeBuilder } from '../../../processors/enrich/lookups/range-builder.ts'
import { SightingCollector } from '../../../processors/enrich/sightings.ts'
import { resolveTimes } from '../../../processors/enrich/times.ts'
import { codecs, objectId } from '../../../harness/enrich-blocks.ts'
import { decodeSlab } from '../../../harness/memory-slabs.ts'

/** A value, and where it stands in the record and in the view. */
export interface Walked {
  /** Row of a table, for messages. */
  readonly row: string
  /** Place in the record: `group.field`. */
  readonly record: string
  /** Column of the view `flow_log`; undefined: a key of its column `extra`. */
  readonly view: string | undefined
  readonly value: string | number | null
}

/** One record and all that must be carried of it. */
export interface WalkedRecord {
  readonly bytes: Buffer
  readonly walked: readonly Walked[]
}

const addressOf: Readonly<Record<string, string>> = {
  srcaddr: '203.0.113.1',
  dstaddr: '198.51.100.2',
  'pkt-srcaddr': '8.8.4.4',
  'pkt-dstaddr': '2600:1f18::5',
}
const startS = 1_700_000_000

/** A value of its own for a field; of symbols the one that makes a flow. */
function valueOf(field: FlowField, place: number): string | number {
  if (field.role === 'address') return addressOf[field.name]!
  if (field.role === 'time') return startS + place
  if (field.role === 'counter') return 2 ** 40 + place
  if (field.role === 'port') return 40_000 + place
  if (field.name === 'log-status') return 'OK'
  if (field.name === 'account-id') return '123456789012'
  if (field.kept.symbols !== undefined) return field.kept.symbols.at(-1)!
  return field.awsType === 'STRING' ? `value-of-${field.name}` : Math.min(field.kept.most ?? 255, place + 1)
}

const isLost = ({ record }: FlowField): boolean => record.startsWith('packetsLost.')
const walkedField = (field: FlowField, value: string | number | null): Walked => ({
  row: `the field ${field.name}`,
  record: field.record,
  view: isLost(field) ? undefined : field.name.replaceAll('-', '_'),
  value,
})

/** Text of an attribute of the source (0) or the destination (1). */
const attributeValue = (place: number, side: number): string | number =>
  attributeRows[place]!.type === 'string' ? `${attributeRows[place]!.name} of ${side}` : 64_000 + 10 * place + side

/** The true ends of the log are in each table, each with values of its own. */
function lookups(): LookupSet {
  const texts = new TextPool()
  const builder = new RangeBuilder()
  // entry 0 is what an address has that the table does not list
  builder.add4(0x08080404, 0x08080404, 1)
  builder.add6([0x26001f18, 0, 0, 5], [0x26001f18, 0, 0, 5], 2)
  const table = builder.build()
  const columns = attributeRows.map(({ name, type, unlisted }, i) => {
    const values = [attributeValue(i, 0), attributeValue(i, 1)]
    const none = unlisted === undefined ? -1 : texts.idOf(unlisted)
    return [name, [none, ...(type === 'string' ? values.map(value => texts.idOf(String(value))) : values)]] as const
  })
  return {
    texts,
    ranges: Object.fromEntries(attributeLookups.map(name => [name, table])),
    columns: Object.fromEntries(columns),
    info: [],
  }
}

/** Attributes that are seen in the view; what the log says of one outranks it there. */
const walkedAttributes = (isLogged: boolean): Walked[] =>
  attributeRows.flatMap(({ name, column, unloggedBit }, i) =>
    ['src', 'dst'].flatMap((side, end): Walked[] => {
      if (isLogged && unloggedBit !== undefined) return []
      const view = `${side}_${unloggedBit === undefined ? column : `aws_${column}`}`
      return [{ row: `the attribute ${name}`, record: `${side}${name}`, view, value: attributeValue(i, end) }]
    }),
  )

const valuesOf = (slabs: Slabs): Buffer[] => slabs.takeAll().flatMap(slab => decodeSlab(slab.out).map(({ value }) => value!))

/** Records of a text log: every field; every field that no attribute hides; 0 for numbers that can be 0; nothing but what makes a flow. */
function fromText(): WalkedRecord[] {
  const needed = (field: FlowField): boolean => ['start', 'end', 'srcaddr', 'dstaddr', 'account-id'].includes(field.name)
  const canBeZero = (field: FlowField): boolean =>
    field.role === 'counter' || (field.role === 'traits' && field.awsType !== 'STRING' && field.kept.isNeverZero !== true)
  const kinds: readonly ((field: FlowField, place: number) => string | number | null)[] = [
    valueOf,
    (field, place) => (field.kept.attribute === undefined ? valueOf(field, place) : null),
    (field, place) => (canBeZero(field) ? 0 : field.kept.attribute === undefined ? valueOf(field, place) : null),
    (field, place) => (needed(field) ? valueOf(field, place) : null),
  ]
  const slabs = new Slabs(1)
  const lines = kinds.map(kind => flowFields.map((field, place) => kind(field, place) ?? '-').join(' '))
  const result = new BlockEnricher(1000, codecs.flows.ids).enrich(
    {
      object: { bucket: 'b', key: 'k' },
      objectName: { accountId: null, region: null, flowLogId: null, slotStart: null },
      bytes: Buffer.from(`${lines.join('\n')}\n`),
      header: flowFields.map(({ name }) => name).join(' '),
      etag: '',
      objectId,
      firstLine: 2,
    },
    lookups(),
    slabs,
    new SightingCollector(),
  )
  if (result.flows !== kinds.length) throw new Error(`the log is refused: ${JSON.stringify(result.deadLetters)}`)
  return valuesOf(slabs).map((bytes, i) => ({
    bytes,
    walked: [
      ...flowFields.map((field, place) => walkedField(field, kinds[i]!(field, place))),
      // the true end of a log without packet addresses is in no table
      ...(i < 3 ? walkedAttributes(i === 0) : []),
      { row: 'the origin', record: 'origin', view: 'origin', value: i < 3 ? 'tgw' : 'vpc' },
    ],
  }))
}

/** A record of a sensor, from a batch that is filled without any text. */
function fromSensor(): WalkedRecord {
  const addresses = new AddressDictionary(1000)
  const dictionaries = {
    addresses,
    observers: new ObserverDictionary(true),
    traits: new TraitsDictionary(),
    nextHops: new ValueDictionary<never>(),
    extras: new ValueDictionary<Record<string, string>>(),
  }
  const batch = new FlowBatch()
  const number = (name: string): number => (name.endsWith('Ms') ? 990 : name === 'start' ? startS : name === 'end' ? startS + 1 : 500)
  batch.reset(1, { addresses: addressNames.map((_, i) => i < 2), ports: portNames.map(() => true), numbers: numberNames.map(() => true) })
  batch.dictionaries = dictionaries
  const sensor = Object.fromEntries(sensorFields.map(({ name, type }, i) => [name, type === 'long' ? 2 ** 32 - 1 : `sensor-${i}`]))
  const traits = { ...noTraits, protocol: 6, tcpFlags: 2 }
  batch.observerId[0] = dictionaries.observers.add({ ...noObserver, origin: 'sensor', sensor: sensor as unknown as SensorValues })
  batch.traitsId[0] = dictionaries.traits.add(traits)
  batch.nextHopId[0] = dictionaries.nextHops.add(null)
  batch.extraId[0] = dictionaries.extras.add({ application: 'ssh' })
  batch.addressIds[0]![0] = addresses.internV4(0x0a000001)
  batch.addressIds[1]![0] = addresses.internWords([0x20010db8, 0, 0, 7])
  batch.ports.forEach((column, i) => (column[0] = 1000 + i))
  batch.numbers.forEach((column, i) => (column[0] = number(numberNames[i]!)))
  batch.line[0] = 9
  batch.rows = batch.lines = 1
  resolveTimes(batch, null)
  resolveDirections(batch)
  annotateServices(batch)
  const slabs = new Slabs(1)
  new FlowEncoder(codecs.flows.ids).encode(batch, lookups(), objectId, slabs)
  const plain = { srcAddr: '10.0.0.1', dstAddr: '2001:db8::7', srcPort: 1000, dstPort: 1001, protocol: 6, tcpFlags: 2, servicePort: 1001 }
  const views: Record<string, string> = { srcAddr: 'srcaddr', dstAddr: 'dstaddr', srcPort: 'srcport', dstPort: 'dstport' }
  const underscored = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
  return {
    bytes: valuesOf(slabs)[0]!,
    walked: [
      ...Object.entries(plain).map(([record, value]) => ({ row: record, record, view: views[record] ?? underscored(record), value })),
      ...optionalNumbers.map(({ record, field, column }) => ({
        row: `the number ${record}`,
        record,
        view: column,
        value: number(field?.name ?? record),
      })),
      ...sensorFields.map(({ name, column }) => ({ row: `sensor ${name}`, record: `sensor.${name}`, view: column, value: sensor[name]! })),
      { row: 'the origin', record: 'origin', view: 'origin', value: 'sensor' },
      { row: 'an unknown column', record: 'extra.application', view: undefined, value: 'ssh' },
    ],
  }
}

/** The records of the log as they must come out, with the value of each row: lines 2 to 5 are from text, line 9 is from a sensor. */
export const walkedRecords = (): WalkedRecord[] => [...fromText(), fromSensor()]

/** The value at a place of a record or another nested value. */
export function valueAt(record: unknown, path: string): unknown {
  let value = record
  for (const step of path.split('.')) value = (value as Record<string, unknown> | null)?.[step] ?? null
  return value
}
