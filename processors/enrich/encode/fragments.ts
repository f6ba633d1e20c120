/** Avro fragments of dictionary entries: each is encoded once, a row copies it. */
import avsc from 'avsc'
import type { AvroField, AvroRecord } from '../../../schemas/avro-types.ts'
import { flowValue, observerFragment, traitsFragment } from '../../../schemas/flow-record.ts'
import { record } from '../../../schemas/avro-types.ts'
import { protocolName, tcpFlagNames } from '../lookups/protocol-names.ts'
import { ByteArena, slack } from '../../../flow/byte-arena.ts'
import type { BatchDictionaries } from '../../../flow/flow-batch.ts'
import { grow } from '../../../flow/typed-arrays.ts'

const typeOf = (fields: readonly AvroField[]): avsc.Type =>
  avsc.Type.forSchema(record('Fragment', 'Some fields of a flow', fields) satisfies AvroRecord as unknown as avsc.Schema, {
    wrapUnions: false,
  })
const field = (name: string): AvroField => flowValue.fields.find(candidate => candidate.name === name)!

const observerType = typeOf(observerFragment)
const traitsType = typeOf(traitsFragment)
const nextHopType = typeOf([field('nextHop')])
const extraType = typeOf([field('extra')])

/** Fragments of one kind in one arena, by dictionary id: place and length at 2 * id. */
export class FragmentArena {
  readonly arena = new ByteArena()
  places = new Int32Array(128)
  /** Ids that have a fragment: all below. */
  count = 0

  /** Appends the fragment of id `count`. */
  push(bytes: Uint8Array): void {
    const id = this.count++
    if (2 * id + 2 > this.places.length) this.places = grow(this.places, 4 * id)
    this.places[2 * id] = this.arena.append(bytes)
    this.places[2 * id + 1] = bytes.length
    this.arena.reserve(slack)
  }
}

/** Fragments of the dictionaries of one parser. As bounded as the dictionaries. */
export class FragmentSet {
  readonly observers = new FragmentArena()
  readonly traits = new FragmentArena()
  readonly nextHops = new FragmentArena()
  readonly extras = new FragmentArena()

  /** Encodes what is new in the dictionaries. */
  update(dictionaries: BatchDictionaries): void {
    const { observers, traits, nextHops, extras } = dictionaries
    if (this.observers.count === 0) this.observers.push(new Uint8Array(0))
    while (this.observers.count <= observers.count) this.observers.push(observerType.toBuffer(observers.values[this.observers.count]))
    while (this.traits.count <= traits.count) {
      const values = traits.values[this.traits.count]!
      this.traits.push(
        traitsType.toBuffer({ ...values, protocolName: protocolName(values.protocol), tcpFlagNames: tcpFlagNames(values.tcpFlags) }),
      )
    }
    while (this.nextHops.count < nextHops.values.length)
      this.nextHops.push(nextHopType.toBuffer({ nextHop: nextHops.values[this.nextHops.count] }))
    while (this.extras.count < extras.values.length) this.extras.push(extraType.toBuffer({ extra: extras.values[this.extras.count] }))
  }
}
