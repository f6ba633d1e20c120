/** The kill run: the real path in real processes, killed again and again while objects arrive; then the books are checked. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../../producers/synthetic/random.ts'
import { countAborted } from '../kafka/aborted-transactions.ts'
import { withDeliveryRun, type RunObject } from './delivery-run.ts'

/** How hard to try. */
export interface KillRunOptions {
  readonly seed: number
  readonly kills: number
  readonly objects: readonly RunObject[]
  /** Large objects that come last: fetch is killed while it reads them, until `resumed` objects were read on or they are all there. */
  readonly spare?: { readonly objects: readonly RunObject[]; readonly resumed: number }
  readonly encodedBatches: boolean
  readonly note: (text: string) => void
}

/** What happened. */
export interface KillRunReport {
  readonly kills: number
  readonly pointKills: number
  readonly abortedTransactions: number
  readonly repeatedRanges: number
  readonly resumedObjects: number
  readonly seconds: number
}

/** What fetch says where it goes on in mid-object. */
const readOn = 'reading an object on from a committed line'

const roleSets = ['discover,fetch', 'enrich', 'ip-context', 'clickhouse'] as const

/** Points between two calls, by role set; `#n` is drawn. */
const points: Readonly<Record<(typeof roleSets)[number], readonly string[]>> = {
  'discover,fetch': [
    'fetch:fenced',
    'fetch:sent',
    'fetch:before-commit',
    'fetch:committed',
    'fetch-half-sent',
    'fetch-sent',
    'fetch-chunk-committed',
    'fetch-chunk-committed',
    'fetch-chunk-committed',
  ],
  enrich: ['enrich:fenced', 'enrich:sent', 'enrich:before-commit', 'enrich:committed'],
  'ip-context': ['ip-context:fenced', 'ip-context:sent', 'ip-context:before-commit', 'ip-context:committed'],
  clickhouse: [
    'clickhouse-flows:fenced',
    'clickhouse-flows:before-commit',
    'clickhouse-flows:committed',
    'clickhouse-flows:committed',
    'clickhouse-gaps:committed',
    'clickhouse-runs:committed',
    'clickhouse-objects:committed',
  ],
}

/** Runs, kills, checks. */
export async function killRun(options: KillRunOptions): Promise<KillRunReport> {
  const startMs = Date.now()
  const seeded = new Random(options.seed)
  const draw = (): number => seeded.share()
  const kafka = { encodedBatches: options.encodedBatches, sessionTimeoutMs: 6000 }
  return withDeliveryRun('kill', kafka, options.note, async ({ dir, session, fleet, put, checkBooks }) => {
    for (const roles of roleSets) fleet.add(roles, 'a')
    let uploaded = 0
    const share = Math.ceil(options.objects.length / (options.kills * 0.8))
    for (let kill = 0; kill < options.kills; kill++) {
      if (kill === Math.floor(options.kills / 2)) for (const roles of roleSets) fleet.add(roles, 'b')
      for (const object of options.objects.slice(uploaded, uploaded + share)) await put(object)
      uploaded = Math.min(options.objects.length, uploaded + share)
      const roles = roleSets[kill % roleSets.length]!
      const candidates = points[roles]
      if (draw() < 0.75)
        await fleet.killAtPoint(roles, `${candidates[Math.floor(draw() * candidates.length)]!}#${1 + Math.floor(draw() * 5)}`, 6000)
      else {
        await sleep(500 + draw() * 1500)
        fleet.kill(Math.floor(draw() * 8))
      }
    }
    for (const object of options.objects.slice(uploaded)) await put(object)
    const { spare } = options
    for (const object of spare?.objects ?? []) {
      await put(object)
      if (fleet.said(readOn) < spare!.resumed) await fleet.killAtPoint('discover,fetch', 'fetch-chunk-committed#2', 5000)
    }
    await checkBooks([...options.objects, ...(spare?.objects ?? [])], { tablesMs: 120_000, mapMs: 60_000 })
    return {
      kills: fleet.kills + fleet.pointKills,
      pointKills: fleet.pointKills,
      abortedTransactions: countAborted(dir, session.config.kafka.topicPrefix),
      repeatedRanges: fleet.said('pending range is inserted again'),
      resumedObjects: fleet.said(readOn),
      seconds: (Date.now() - startMs) / 1000,
    }
  })
}
