// An address that goes from one interface to another, or to and fro, in formats without flow-direction: what blocks teach is what was true. The model
// plants who had it when; it shares no code with the product.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { TestEnricher } from '../../harness/enrich-blocks.ts'

const runs = Number(process.env['FLOWLOOM_TEST_RUNS'] ?? 200)
const day = 20_400 * 86_400
const slotS = 300
const shared = '10.0.0.5'
const interfaces = ['eni-a', 'eni-b', 'eni-c'] as const
/** Interfaces that talk to the shared address, each with its own. */
const neighbours = { 'eni-x': '10.0.1.7', 'eni-y': '10.0.2.8' } as const
const outside = ['8.8.8.8', '1.1.1.1', '52.94.5.6', '151.101.1.9']

/** One after the other for some minutes, with pauses; each minute it talks to some peers. */
const turn = fc.record({
  who: fc.constantFrom(...interfaces),
  minutes: fc.integer({ min: 1, max: 12 }),
  pauseS: fc.constantFrom(0, 0, 1, 30, 200, 900),
  peers: fc.uniqueArray(fc.constantFrom(...outside, ...Object.values(neighbours)), { minLength: 1, maxLength: 4 }),
})

interface Line {
  readonly observer: string
  readonly src: string
  readonly dst: string
  readonly start: number
  readonly end: number
}

/** The records of turns, and of the neighbours that see the same connections. */
function linesOf(turns: readonly { who: string; minutes: number; pauseS: number; peers: readonly string[] }[]): Line[] {
  const lines: Line[] = []
  let at = day
  for (const { who, minutes, pauseS, peers } of turns) {
    for (let minute = 0; minute < minutes; minute++, at += 60)
      for (const [i, peer] of peers.entries()) {
        const times = { start: at + i, end: at + 50 + i }
        const way = { src: shared, dst: peer }
        const back = { src: peer, dst: shared }
        lines.push({ observer: who, ...way, ...times }, { observer: who, ...back, ...times })
        const neighbour = Object.entries(neighbours).find(([, ip]) => ip === peer)?.[0]
        if (neighbour !== undefined) lines.push({ observer: neighbour, ...way, ...times }, { observer: neighbour, ...back, ...times })
      }
    at += pauseS
  }
  return lines
}

/** v2 has no VPC, v3 has. */
const formats = {
  v2: 'account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action',
  v3: 'vpc-id account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action',
} as const

for (const [format, header] of Object.entries(formats))
  test(`${format}: every turn that proves the address is taught with its own seconds, and nobody is taught what it never had`, () => {
    fc.assert(
      fc.property(fc.array(turn, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 4 }), (turns, slots) => {
        const lines = linesOf(turns)
        // an object has one or several slots
        const blocks = [...Map.groupBy(lines, ({ end }) => Math.floor((end - day) / (slots * slotS))).values()]
        const enricher = new TestEnricher()
        for (const block of blocks) {
          const text = block.map(({ observer, src, dst, start, end }) =>
            `${format === 'v3' ? 'vpc-1 ' : ''}111122223333 ${observer} ${src} ${dst} 40000 443 6 1 40 ${start} ${end} ACCEPT`).join('\n') // prettier-ignore
          const { rows, sightings } = enricher.run(header, text, {
            origin: { accountId: '111122223333', region: 'eu-west-1', slotStart: null },
          })
          for (const [i, { direction }] of rows.entries()) {
            const { observer, src } = block[i]!
            const own = observer in neighbours ? neighbours[observer as keyof typeof neighbours] : shared
            assert.ok(direction === 'unknown' || (direction === 'egress') === (src === own), `${observer} ${src}: ${direction}`)
          }
          for (const observer of new Set(block.map(line => line.observer))) {
            const own = observer in neighbours ? neighbours[observer as keyof typeof neighbours] : shared
            const records = block.filter(line => line.observer === observer)
            const peers = [...new Set(records.flatMap(({ src, dst }) => [src, dst]))].filter(ip => ip !== own)
            const taught = sightings.filter(({ value }) => value.owner.interfaceId === observer)
            assert.ok(
              taught.every(({ key }) => key.ip === own),
              `${observer} was taught ${taught.map(({ key }) => key.ip).join()}`,
            )
            // several peers prove it, if one is private or they are of several networks; one peer alone proves nothing
            const isProven =
              peers.length > 1 && (peers.some(ip => ip.startsWith('10.')) || new Set(peers.map(ip => ip.split('.', 2).join('.'))).size > 1)
            assert.equal(taught.length > 0, isProven, `${observer} with ${peers.join()}`)
            if (!isProven) continue
            const seen = new Set(records.flatMap(({ start, end }) => Array.from({ length: end - start + 1 }, (_, s) => start + s)))
            const said = new Set(taught.flatMap(({ value }) => value.ranges).flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, s) => first + s))) // prettier-ignore
            assert.deepEqual([...said].sort(), [...seen].sort())
          }
        }
      }),
      { numRuns: runs },
    )
  })

test('a hand-over within an object is taught of both, each with its own seconds', () => {
  const lines = linesOf([
    { who: 'eni-a', minutes: 2, pauseS: 30, peers: [...outside] },
    { who: 'eni-b', minutes: 2, pauseS: 0, peers: [...outside] },
  ])
  const text = lines.map(({ observer, src, dst, start, end }) => `vpc-1 111122223333 ${observer} ${src} ${dst} 40000 443 6 1 40 ${start} ${end} ACCEPT`) // prettier-ignore
  const { sightings, rows } = new TestEnricher().run(formats.v3, text.join('\n'))
  assert.ok(rows.every(({ direction }) => direction !== 'unknown'))
  assert.deepEqual(
    sightings.map(({ key, value }) => [key.ip, value.owner.interfaceId, value.ranges.map(({ first, last }) => [first - day, last - day])]),
    [
      [shared, 'eni-a', [[0, 53], [60, 113]]],
      [shared, 'eni-b', [[150, 203], [210, 263]]],
    ], // prettier-ignore
  )
})

test('a column with the name that no object can hold is kept, for every decoder', () => {
  const line = `vpc-1 111122223333 eni-a ${shared} 8.8.8.8 40000 443 6 1 40 ${day} ${day + 50} ACCEPT x`
  const { encoded } = new TestEnricher().run(`${formats.v3} __proto__`, line)
  assert.deepEqual({ ...encoded[0]!.value.extra }, { '__proto__#1': 'x' })
})
