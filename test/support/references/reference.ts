/**
 * What the path must give for a set of objects, computed the plain way: split, objects, maps. Shares no code with the processors; it is the
 * other opinion of golden, property and delivery tests.
 */
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'
import { gunzipSync } from 'node:zlib'
import { classifyLine } from '../../../audit/plain-reader.ts'
import { teach } from './direction-reference.ts'
import type { BlockOrigin } from '../../../harness/enrich-blocks.ts'
import { referenceBlock } from './enrich-reference.ts'
import { addTally, emptyTally, type Tally } from '../../../schemas/tally.ts'

/** `scope|ip` to `interfaceId|instanceId|service` to the seconds in which the address was seen there: disjoint ascending ranges. */
export type ReferenceMap = Map<string, Map<string, [number, number][]>>

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

const maxLineBytes = 65_536

/** Where a block of lines begins, counted from 1 with the header line, and its bytes. */
export interface PublishedBlock {
  readonly firstLine: number
  readonly bytes: Buffer
}

/** What a block of lines teaches: `passed` is not kept, because it holds nothing. */
function learn(map: ReferenceMap, header: string, lines: readonly Buffer[], origin: BlockOrigin): void {
  // a line that is not UTF-8 is a dead letter
  const text = lines.map(line => (isUtf8(line) ? line.toString() : '')).join('\n')
  const { rows } = referenceBlock(header, text, 2, origin)
  for (const { kind, scope, ip, owner, first, last } of teach(rows, Infinity, [])) {
    if (kind === 'passed') continue
    const owners = map.get(`${scope}|${ip}`) ?? new Map<string, [number, number][]>()
    map.set(`${scope}|${ip}`, owners.set(owner, joinRanges([...(owners.get(owner) ?? []), [first, last]])))
  }
}

/** Lines of a text. A newline at the end begins no line. */
function linesOf(text: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf(10, start)
    const stop = newline < 0 ? text.length : newline
    lines.push(text.subarray(start, stop))
    start = stop + 1
  }
  return lines
}

const unpacked = (body: Buffer): Buffer => (body[0] === 0x1f && body[1] === 0x8b ? gunzipSync(body) : body)

/** What the lines of these objects count and sum up to. */
export function tallyOf(objects: Iterable<{ readonly body: Buffer }>): Tally {
  const tally = emptyTally()
  for (const { body } of objects) {
    const [header, ...lines] = linesOf(unpacked(body))
    if (header === undefined) continue
    addTally(tally, { lines: 1, headers: 1 })
    const columns = header.toString().trim().split(/ +/)
    for (const line of lines) addTally(tally, classifyLine(columns, line, maxLineBytes))
  }
  return tally
}

/**
 * What these objects teach, block by block. Enrich decides by what stands in a block, and where blocks end depends on the settings and on
 * where fetch was interrupted: so the blocks are those that were published. Their text must be that of the objects, each line once.
 *
 * @param blocksOf The published blocks of an object.
 * @throws AssertionError Lines are missing, stand twice or differ.
 */
export function mapOfBlocks(
  objects: Iterable<{ readonly key: string; readonly body: Buffer }>,
  blocksOf: (key: string) => readonly PublishedBlock[],
): ReferenceMap {
  const map: ReferenceMap = new Map()
  for (const { key, body } of objects) {
    const [, account = '', region = ''] = /(\d{12}|unknown)_vpcflowlogs_([a-z0-9-]+)_/.exec(key) ?? []
    const [header, ...lines] = linesOf(unpacked(body))
    if (header === undefined) continue
    const published: (Buffer | undefined)[] = []
    for (const { firstLine, bytes } of blocksOf(key)) {
      const ofBlock = linesOf(bytes)
      ofBlock.forEach((line, i) => {
        const index = firstLine + i - 2
        assert.equal(published[index], undefined, `line ${index + 2} of ${key} is published once`)
        published[index] = line
      })
      learn(map, header.toString(), ofBlock, { accountId: account === 'unknown' ? null : account, region, slotStart: null })
    }
    assert.ok(published.length <= lines.length, `${key} has ${lines.length} lines`)
    for (const [index, line] of lines.entries())
      // fetch sends lines that are too long to dead letters itself
      if (line.length > maxLineBytes) assert.equal(published[index], undefined, `line ${index + 2} of ${key} is too long`)
      else assert.ok(published[index]?.equals(line), `line ${index + 2} of ${key}`)
  }
  return map
}
