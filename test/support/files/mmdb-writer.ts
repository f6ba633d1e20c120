/**
 * Writes small MaxMind DB files for tests, and tells where their parts are, so that a test can damage them.
 *
 * @see https://maxmind.github.io/MaxMind-DB/
 */

/** A network and its record. `bits` is the prefix as zeros and ones, in the address family of the tree. */
export interface MmdbNetwork {
  readonly bits: string
  readonly record: Record<string, unknown>
}

/** What to write. */
export interface MmdbContent {
  readonly ipVersion: 4 | 6
  readonly recordSize?: 24 | 28 | 32
  /** Later networks win over earlier ones where they overlap. */
  readonly networks: readonly MmdbNetwork[]
  /** Prefixes under which the IPv4 tree (that of `::/96`) also hangs. */
  readonly aliases?: readonly string[]
  /** Overrides of the metadata; undefined leaves the key out. */
  readonly metadata?: Record<string, unknown>
}

/** A written file. */
export interface MmdbBytes {
  readonly bytes: Buffer
  readonly nodeCount: number
  readonly nodeBytes: number
  /** First byte of the data, and the first behind it. */
  readonly data: number
  readonly dataEnd: number
}

interface Node {
  children: [Child, Child]
}
type Child = Node | { readonly record: Record<string, unknown> } | null

const isNode = (child: Child): child is Node => child !== null && 'children' in child

/** The IPv6 prefix of all IPv4 addresses. */
export const ipv4Bits = '0'.repeat(96)

/** Makes a file. */
export function writeMmdb({ ipVersion, recordSize = 28, networks, aliases = [], metadata = {} }: MmdbContent): MmdbBytes {
  const root: Node = { children: [null, null] }
  const place = (bits: string, child: Child): void => {
    let node = root
    for (const bit of bits.slice(0, -1)) {
      const side = Number(bit) as 0 | 1
      const next = node.children[side]
      if (isNode(next)) node = next
      else {
        const made: Node = { children: [next, next] }
        node.children[side] = made
        node = made
      }
    }
    node.children[Number(bits.at(-1)) as 0 | 1] = child
  }
  for (const { bits, record } of networks) place(bits, { record })
  if (aliases.length > 0) {
    let start: Child = root
    for (let depth = 0; depth < 96 && isNode(start); depth++) start = start.children[0]
    if (isNode(start)) for (const alias of aliases) place(alias, start)
  }
  const nodes: Node[] = []
  const numbers = new Map<Node, number>()
  const number = (node: Node): void => {
    if (numbers.has(node)) return
    numbers.set(node, nodes.push(node) - 1)
    for (const child of node.children) if (isNode(child)) number(child)
  }
  number(root)
  const data = new DataSection()
  const nodeBytes = recordSize / 4
  const tree = Buffer.alloc(nodes.length * nodeBytes)
  nodes.forEach(({ children }, i) => {
    const [left, right] = children.map(child =>
      child === null ? nodes.length : isNode(child) ? numbers.get(child)! : nodes.length + 16 + data.placeOf(child.record),
    ) as [number, number]
    writeNode(tree, i * nodeBytes, recordSize, left, right)
  })
  const section = data.bytes()
  const described: Record<string, unknown> = {
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000n,
    database_type: 'Test',
    description: { en: 'made by a test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: recordSize,
    ...metadata,
  }
  const bytes = Buffer.concat([
    tree,
    Buffer.alloc(16),
    section,
    Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'),
    encode(Object.fromEntries(Object.entries(described).filter(([, value]) => value !== undefined))),
  ])
  return { bytes, nodeCount: nodes.length, nodeBytes, data: tree.length + 16, dataEnd: tree.length + 16 + section.length }
}

/** Writes the two records of a node. */
export function writeNode(tree: Buffer, at: number, recordSize: number, left: number, right: number): void {
  if (recordSize === 24) {
    tree.writeUIntBE(left, at, 3)
    tree.writeUIntBE(right, at + 3, 3)
  } else if (recordSize === 32) {
    tree.writeUInt32BE(left, at)
    tree.writeUInt32BE(right, at + 4)
  } else {
    tree.writeUIntBE(left & 0xffffff, at, 3)
    tree[at + 3] = ((left >>> 24) << 4) | (right >>> 24)
    tree.writeUIntBE(right & 0xffffff, at + 4, 3)
  }
}

/** Records one after the other; one that was written before is not written again, as makers do. */
class DataSection {
  readonly #parts: Buffer[] = []
  readonly #places = new Map<string, number>()
  #length = 0

  placeOf(record: Record<string, unknown>): number {
    const key = JSON.stringify(record, (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
    let place = this.#places.get(key)
    if (place === undefined) {
      place = this.#length
      this.#places.set(key, place)
      const bytes = encode(record)
      this.#parts.push(bytes)
      this.#length += bytes.length
    }
    return place
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** A pointer to a place of the data section, to be used as a value. */
export class MmdbPointer {
  readonly to: number

  constructor(to: number) {
    this.to = to
  }
}

const header = (type: number, size: number): Buffer => {
  const length = size < 29 ? [] : size < 285 ? [size - 29] : [(size - 285) >>> 8, (size - 285) & 255]
  const low = size < 29 ? size : size < 285 ? 29 : 30
  return Buffer.from(type < 8 ? [(type << 5) | low, ...length] : [low, type - 7, ...length])
}

/** Bytes of a value. */
export function encode(value: unknown): Buffer {
  if (value instanceof MmdbPointer) {
    const bytes = Buffer.alloc(5)
    bytes[0] = 0b001_11_000
    bytes.writeUInt32BE(value.to, 1)
    return bytes
  }
  if (typeof value === 'string') return Buffer.concat([header(2, Buffer.byteLength(value)), Buffer.from(value)])
  if (typeof value === 'boolean') return header(14, value ? 1 : 0)
  if (typeof value === 'bigint') return Buffer.concat([header(9, 8), bigBytes(value)])
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0) return Buffer.concat([header(6, 4), uint32(value)])
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(value)
    return Buffer.concat([header(3, 8), bytes])
  }
  if (Array.isArray(value)) return Buffer.concat([header(11, value.length), ...value.map(encode)])
  const entries = Object.entries(value as Record<string, unknown>)
  return Buffer.concat([header(7, entries.length), ...entries.flatMap(([key, entry]) => [encode(key), encode(entry)])])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function bigBytes(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
