/** Avro fragments of dictionary entries: each is encoded once, a row copies it. */
import avsc from 'avsc'
import type { AvroField, AvroRecord } from '../../../schemas/avro-types.ts'
import { classFields, flowValue, interfaceFields } from '../../../schemas/flow-record.ts'
import { record } from '../../../schemas/avro-types.ts'
import { protocolName, tcpFlagNames } from '../lookups/protocol-names.ts'
import type { BatchDictionaries } from '../parse/flow-batch.ts'

const typeOf = (fields: readonly AvroField[]): avsc.Type =>
  avsc.Type.forSchema(record('Fragment', 'Some fields of a flow', fields) satisfies AvroRecord as unknown as avsc.Schema, {
    wrapUnions: false,
  })
const field = (name: string): AvroField => flowValue.fields.find(candidate => candidate.name === name)!

const contextType = typeOf(interfaceFields)
const classType = typeOf(classFields)
const nextHopType = typeOf([field('nextHop')])
const extraType = typeOf([field('extra')])

const bytesOf = (type: avsc.Type, value: unknown): Uint8Array => new Uint8Array(type.toBuffer(value))

/** Fragments of the dictionaries of one parser, by id. They are few, so each is an array of its own: copying it is one `set`. */
export class FragmentSet {
  readonly contexts: Uint8Array[] = []
  readonly classes: Uint8Array[] = []
  readonly nextHops: Uint8Array[] = []
  readonly extras: Uint8Array[] = []

  /** Encodes what is new in the dictionaries. */
  update(dictionaries: BatchDictionaries): void {
    const { contexts, classes, nextHops, extras } = dictionaries
    for (let id = Math.max(1, this.contexts.length); id < contexts.values.length; id++)
      this.contexts[id] = bytesOf(contextType, contexts.values[id])
    for (let id = this.classes.length; id < classes.values.length; id++) {
      const values = classes.values[id]!
      // a class with a fault may hold numbers that Avro refuses; it has no rows
      const usable = classes.fault[id] === 0
      this.classes[id] = usable
        ? bytesOf(classType, { ...values, protocolName: protocolName(values.protocol), tcpFlagNames: tcpFlagNames(values.tcpFlags) })
        : new Uint8Array(0)
    }
    for (let id = this.nextHops.length; id < nextHops.values.length; id++)
      this.nextHops[id] = bytesOf(nextHopType, { nextHop: nextHops.values[id] })
    for (let id = this.extras.length; id < extras.values.length; id++) this.extras[id] = bytesOf(extraType, { extra: extras.values[id] })
  }
}
