/**
 * Makes flow log objects as AWS would deliver them, from a seed: the same options give the same text. One object is held at a time.
 * What each object contains is counted while it is made, without any parser.
 */
import { gzipSync } from 'node:zlib'
import { addTally, emptyTally, type Tally } from '../../schemas/tally.ts'
import { badLineKinds, spoil, type BadLineKind } from './bad-lines.ts'
import { Conversations, type SyntheticRecord } from './conversations.ts'
import { clientAddress } from './internet.ts'
import { createRenderer, logFormats, type LogFormat, type Renderer } from './log-format.ts'
import { objectKeyOf, objectLayouts, type ObjectLayout } from './object-layout.ts'
import { Random, seedOf } from './random.ts'
import { createSite, interfacesAt, type Site } from './site.ts'

/** What to generate. */
export interface GenerateOptions {
  readonly seed: number
  /** Lines that are neither header nor blank, over all objects. */
  readonly records: number
  /** Unix seconds; the slot that it lies in is the first. */
  readonly startS: number
  /** 5-minute slots that the records are spread over. */
  readonly slots?: number
  readonly accounts?: readonly string[]
  readonly regions?: readonly string[]
  /** Formats and layouts, given to accounts and regions in turn. */
  readonly formats?: readonly LogFormat[]
  readonly layouts?: readonly ObjectLayout[]
  /** Most records in one object. */
  readonly recordsPerObject?: number
  /** Share of the records that is spoilt, every kind in turn (blank lines come on top). */
  readonly badLineShare?: number
  readonly badLines?: readonly BadLineKind[]
  readonly bucket?: string
  /** In front of `AWSLogs/`. */
  readonly prefix?: string
  /** gzip level. */
  readonly level?: number
}

/** A generated object. */
export interface SyntheticObject {
  readonly bucket?: string
  readonly key: string
  /** gzip */
  readonly body: Buffer
  readonly manifest: Readonly<Tally>
}

const slotSeconds = 300
/** Clients that come again and again. */
const clientCount = 3000

/** Generates the objects in the order of their slots. */
export function* generateObjects(options: GenerateOptions): Generator<SyntheticObject> {
  const { seed, records, startS, slots = 12, recordsPerObject = 5000, bucket } = options
  const sites = sitesOf(options)
  const random = new Random(seedOf(seed, 'clients'))
  const clients = Array.from({ length: clientCount }, () => clientAddress(random))
  const firstSlot = Math.floor(startS / slotSeconds)
  const parts = slots * sites.length
  let done = 0
  for (let slot = 0; slot < slots; slot++) {
    for (const [index, site] of sites.entries()) {
      const upTo = Math.floor((records * (slot * sites.length + index + 1)) / parts)
      const slotS = (firstSlot + slot) * slotSeconds
      const writer = new ObjectWriter(options, site, slotS)
      const talk = new Conversations(seed, interfacesAt(seed, site.site, firstSlot + slot), slotS, clients)
      let pending: readonly SyntheticRecord[] = []
      let at = 0
      while (done < upTo) {
        const count = Math.min(upTo - done, recordsPerObject)
        for (let i = 0; i < count; i++) {
          while (at >= pending.length) {
            pending = talk.next()
            at = 0
          }
          writer.add(pending[at++]!)
        }
        done += count
        const object = writer.end()
        yield bucket === undefined ? object : { bucket, ...object }
      }
    }
  }
}

interface WritingSite {
  readonly site: Site
  readonly format: LogFormat
  readonly layout: ObjectLayout
  readonly render: Renderer
}

function sitesOf(options: GenerateOptions): WritingSite[] {
  const { seed, accounts = ['123456789012', '001607371330'], regions = ['us-east-1', 'eu-west-1'], layouts = objectLayouts } = options
  const formats = options.formats ?? (Object.keys(logFormats) as LogFormat[])
  return accounts.flatMap((account, row) =>
    regions.map((region, column) => {
      const index = row * regions.length + column
      const site = createSite(seed, account, region)
      const format = formats[index % formats.length]!
      return { site, format, layout: layouts[index % layouts.length]!, render: createRenderer(format, site) }
    }),
  )
}

/** Writes the objects of one site and slot, one after the other. */
class ObjectWriter {
  readonly #options: GenerateOptions
  readonly #site: WritingSite
  readonly #slotS: number
  readonly #random: Random
  readonly #columns: readonly string[]
  #text: string[] = []
  #parts: Buffer[] = []
  #manifest = emptyTally()
  #spoilt = 0

  constructor(options: GenerateOptions, site: WritingSite, slotS: number) {
    this.#options = options
    this.#site = site
    this.#slotS = slotS
    this.#random = new Random(seedOf(options.seed, site.site.flowLogId, slotS))
    this.#columns = logFormats[site.format]
    this.#begin()
  }

  add(record: SyntheticRecord): void {
    const fields = this.#site.render(record)
    const { badLineShare = 0 } = this.#options
    if (badLineShare > 0 && record.status === 'OK' && this.#random.share() < badLineShare) {
      this.#addBad(fields)
      return
    }
    this.#text.push(fields.join(' '))
    const manifest = this.#manifest
    manifest.lines++
    if (record.status === 'NODATA') manifest.noData++
    else if (record.status === 'SKIPDATA') manifest.skipData++
    else addTally(manifest, { flows: 1, packets: record.packets, bytes: record.bytes })
  }

  end(): Omit<SyntheticObject, 'bucket'> {
    this.#flushText()
    const key = objectKeyOf(this.#site.site, this.#site.layout, this.#slotS, this.#random.hex(8), this.#options.prefix)
    const object = { key, body: gzipSync(Buffer.concat(this.#parts), { level: this.#options.level ?? 6 }), manifest: this.#manifest }
    this.#begin()
    return object
  }

  #begin(): void {
    this.#parts = []
    this.#text = [this.#columns.join(' ')]
    this.#manifest = { ...emptyTally(), lines: 1, headers: 1 }
  }

  #addBad(fields: readonly (string | number)[]): void {
    const kinds = this.#options.badLines ?? badLineKinds
    let kind = kinds[this.#spoilt++ % kinds.length]!
    // a blank line stands beside the records, not for one
    while (kind === 'blank') {
      this.#addBytes(spoil(kind, this.#columns, fields, this.#random))
      this.#manifest.blank++
      if (kinds.every(each => each === 'blank')) return
      kind = kinds[this.#spoilt++ % kinds.length]!
    }
    this.#addBytes(spoil(kind, this.#columns, fields, this.#random))
    this.#manifest.dead++
  }

  #addBytes(line: Buffer): void {
    this.#flushText()
    this.#parts.push(line, Buffer.from('\n'))
    this.#manifest.lines++
  }

  #flushText(): void {
    if (this.#text.length > 0) this.#parts.push(Buffer.from(`${this.#text.join('\n')}\n`))
    this.#text = []
  }
}
