/**
 * What the path must give for a set of objects, computed the plain way: split, objects, maps. Shares no code with the processors; it is the
 * other opinion of golden, property and delivery tests.
 */
import { gunzipSync } from 'node:zlib'
import { classifyLine } from '../../audit/plain-reader.ts'
import { teach } from './direction-reference.ts'
import { referenceBlock, type ReferenceOrigin } from './enrich-reference.ts'
import { addTally, emptyTally, type Tally } from '../../schemas/tally.ts'

/** Who was seen with an address, in which seconds. */
export type ReferenceMap = Map<string, Map<string, [number, number][]>>

/** Expectations. */
export interface Reference {
  readonly tally: Tally
  /** `scope|ip` to `interfaceId|instanceId|service` to disjoint ascending ranges. */
  readonly map: ReferenceMap
}

/** Joins ranges of seconds that overlap or touch. */
export function joinRanges(ranges: readonly [number, number][]): [number, number][] {
  const joined: [number, number][] = []
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    const previous = joined.at(-1)
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last)
    else joined.push([first, last])
  }
  return joined
}

/** Lines of text at which fetch begins another raw-lines record, with the default setting. */
const blockLines = 5000
const maxLineBytes = 65_536

/** What a block of lines teaches: `passed` is not kept, because it holds nothing. */
function learn(map: ReferenceMap, header: string, lines: readonly string[], origin: ReferenceOrigin): void {
  const { rows } = referenceBlock(header, lines.join('\n'), 2, origin)
  for (const { kind, scope, ip, owner, first, last } of teach(rows, Infinity, [])) {
    if (kind === 'passed') continue
    const owners = map.get(`${scope}|${ip}`) ?? new Map<string, [number, number][]>()
    map.set(`${scope}|${ip}`, owners.set(owner, joinRanges([...(owners.get(owner) ?? []), [first, last]])))
  }
}

/**
 * Computes the expectations.
 *
 * @param objects Keys and stored bytes.
 * @param blockBytes Bytes of text at which fetch begins another raw-lines record: `s3.blockBytes`. Enrich decides by what stands in a block.
 */
export function referenceOf(objects: Iterable<{ key: string; body: Buffer }>, blockBytes = 262_144): Reference {
  const tally = emptyTally()
  const map: ReferenceMap = new Map()
  for (const { key, body } of objects) {
    const [, account = '', region = ''] = /(\d{12}|unknown)_vpcflowlogs_([a-z0-9-]+)_/.exec(key) ?? []
    const text = body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body
    let header: string | undefined
    let block: string[] = []
    let bytes = 0
    const origin = { accountId: account === 'unknown' ? null : account, region, slotStart: null }
    const end = (): void => {
      if (header !== undefined) learn(map, header, block, origin)
      block = []
      bytes = 0
    }
    for (let start = 0; start < text.length;) {
      const newline = text.indexOf(10, start)
      const stop = newline < 0 ? text.length : newline
      const line = text.subarray(start, stop)
      start = stop + 1
      if (header === undefined) {
        header = line.toString()
        addTally(tally, { lines: 1, headers: 1 })
        continue
      }
      addTally(tally, classifyLine(header.trim().split(/ +/), line, maxLineBytes))
      // fetch sends it to dead letters itself; the lines before it are a block
      if (line.length > maxLineBytes) {
        end()
        continue
      }
      if (block.length === blockLines || (block.length > 0 && bytes + line.length + 1 > blockBytes)) end()
      block.push(line.toString())
      bytes += line.length + 1
    }
    end()
  }
  return { tally, map }
}
